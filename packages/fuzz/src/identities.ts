import { loadCrypto } from '@sealane/crypto';
import { Credential } from '@sealane/crypto/credential';
import type { SessionParameters } from '@sealane/crypto/e2ee';
import { seededRandom } from '@sealane/testkit';

export const parameters: SessionParameters = {
  maxRecordPlaintext: 66_048,
  initialWindow: 262_144,
  maxStreams: 1_024,
  features: 0,
};

/** The same identities in every run: what a target does follows from its input. */
export interface Identities {
  readonly owner: Credential;
  readonly dialer: Credential;
  readonly stranger: Credential;
}

let identities: Promise<Identities> | undefined;
let ready: Identities | undefined;

async function create(): Promise<Identities> {
  await loadCrypto();
  const [owner, dialer, stranger] = await Promise.all(
    [1, 2, 3].map((seed) => Credential.create({ random: seededRandom(seed) })),
  );
  ready = { owner: owner!, dialer: dialer!, stranger: stranger! };
  return ready;
}

/** Loads the cryptography and makes the identities; once. */
export async function prepareIdentities(): Promise<void> {
  identities ??= create();
  await identities;
}

/** After {@link prepareIdentities}. */
export function knownIdentities(): Identities {
  if (ready === undefined) throw new Error('the identities are not prepared');
  return ready;
}
