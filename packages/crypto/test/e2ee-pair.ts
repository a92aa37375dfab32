import { type RandomBytes, Suite } from '@sealane/types';
import { Credential, parseKeycert } from '../src/credential/index.js';
import { DialerHandshake, OwnerHandshake, type SessionKeys, type SessionParameters } from '../src/e2ee/index.js';
import { loadCrypto } from '../src/index.js';

await loadCrypto();
export const ownerCredential: Credential = await Credential.create();
export const dialerCredential: Credential = await Credential.create();

export const parameters: SessionParameters = {
  maxRecordPlaintext: 66_048,
  initialWindow: 262_144,
  maxStreams: 1_024,
  features: 1,
};
export const instance: Uint8Array = new Uint8Array(16).fill(7);

export interface PairOptions {
  readonly suites?: readonly Suite[];
  readonly ownerSuites?: readonly Suite[];
  readonly accessSecret?: Uint8Array;
  readonly ownerSecret?: Uint8Array;
  readonly random?: RandomBytes;
}

const given = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });

export function createDialer(options: PairOptions = {}): DialerHandshake {
  return DialerHandshake.create({
    credential: dialerCredential,
    owner: parseKeycert(ownerCredential.keycert),
    service: 'web',
    alpn: ['sealane/stream/1', 'other/1'],
    suites: options.suites ?? [Suite.HYBRID],
    parameters,
    ...given('accessSecret', options.accessSecret),
    ...given('random', options.random),
  });
}

export function openOwner(message1: Uint8Array, connectionId: Uint8Array, options: PairOptions = {}): OwnerHandshake {
  return OwnerHandshake.open(message1, {
    credential: ownerCredential,
    connectionId,
    suites: options.ownerSuites ?? options.suites ?? [Suite.HYBRID],
    ...given('accessSecret', options.ownerSecret ?? options.accessSecret),
    ...given('random', options.random),
  });
}

export interface Pair {
  readonly dialer: SessionKeys;
  readonly owner: SessionKeys;
}

/** A session whose handshake succeeded. */
export function createPair(options: PairOptions = {}): Pair {
  const dialer = createDialer(options);
  const owner = openOwner(dialer.createMessage1(), dialer.connectionId, options);
  const { message2, keys } = owner.accept({ alpn: 'other/1', parameters, instance });
  return { dialer: dialer.readMessage2(message2).keys, owner: keys };
}

/** The code of the SealaneError that `work` throws; 'none' when it throws none. */
export function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : `not a SealaneError: ${error}`;
  }
  return 'none';
}
