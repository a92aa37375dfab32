import { loadCrypto } from '@sealane/crypto';
import { createMemoryIdentity, type Identity } from '@sealane/crypto/credential';
import type { SessionParameters } from '@sealane/crypto/e2ee';
import { MemoryBudget } from '@sealane/mux';
import {
  type Clock,
  MuxLimit,
  ProtocolSize,
  type RandomBytes,
  ResumptionLimit,
  SealaneError,
  SessionFeature,
  systemClock,
  systemRandomBytes,
} from '@sealane/types';
import { KeycertBook } from './keycert-book.js';
import { MemoryKeycertStore } from './keycert-store.js';
import { type ClientTimingConfig, resolveTiming } from './link/timing.js';
import type { CredentialSource, RelayClientOptions } from './options.js';
import { MemoryPinStore, type PinStore } from './pin-store.js';
import { KeptBudget } from './session/kept-budget.js';
import type { StatusEvent } from './status.js';

const DEFAULT_BUDGET_BYTES = 268_435_456;

/** Everything that the parts of one client share. */
export interface ClientContext {
  readonly id: string;
  /** The credential in force now; ERR_KEY_FILE_INVALID when it became one of another identity. */
  readonly currentCredential: () => Promise<Identity>;
  /** The credential may change while this client lives. */
  readonly isCredentialWatched: boolean;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly timing: ClientTimingConfig;
  readonly budget: MemoryBudget;
  readonly keycerts: KeycertBook;
  readonly pins: PinStore;
  readonly parameters: SessionParameters;
  /** How sessions outlive their paths; undefined when they do not. */
  readonly resumption: { readonly kept: KeptBudget; readonly giveUpMs: number } | undefined;
  /** By it this client's instances differ from those of every other process. */
  readonly processSecret: Uint8Array;
  readonly onStatus: (event: StatusEvent) => void;
}

export async function createClientContext(options: RelayClientOptions): Promise<ClientContext> {
  await loadCrypto();
  const random = options.random ?? systemRandomBytes;
  const given = options.credential ?? createMemoryIdentity(random);
  const source: CredentialSource = 'current' in given ? given : { current: () => Promise.resolve(given) };
  const { id } = await source.current();
  return {
    id,
    currentCredential: async () => {
      const credential = await source.current();
      if (credential.id === id) return credential;
      throw new SealaneError('ERR_KEY_FILE_INVALID', 'the key file holds another identity than before');
    },
    isCredentialWatched: 'current' in given,
    clock: options.clock ?? systemClock,
    random,
    timing: resolveTiming(options.timing),
    budget: options.budget ?? new MemoryBudget(DEFAULT_BUDGET_BYTES),
    keycerts: new KeycertBook(options.knownKeycerts ?? new MemoryKeycertStore()),
    pins: options.pins ?? new MemoryPinStore(),
    parameters: {
      maxRecordPlaintext: ProtocolSize.RECORD_PLAINTEXT_MAX,
      initialWindow: MuxLimit.initialWindowBytes,
      maxStreams: options.maxStreams ?? MuxLimit.maxInnerStreams,
      features: 0,
    },
    resumption: resumptionOf(options),
    processSecret: random(32),
    onStatus: (event) => options.onStatus?.(event),
  };
}

/** What this process keeps for its sessions: one bound for all clients in it, unless one brings its own. */
const processKept = new KeptBudget();

function resumptionOf(options: RelayClientOptions): ClientContext['resumption'] {
  const { giveUpMs = ResumptionLimit.giveUpMs, kept } = options.resumption ?? {};
  const isOffered = ((options.features?.session ?? SessionFeature.RESUME) & SessionFeature.RESUME) !== 0;
  if (!isOffered || giveUpMs <= 0) return undefined;
  return { kept: kept ?? processKept, giveUpMs };
}
