import { RelayClient, type SealaneAddress, type SecureConnection } from '@sealane/client';
import { Credential } from '@sealane/crypto/credential';
import { type ErrorCode, isSealaneError, SealaneError } from '@sealane/types';
import type { Reporter } from '../output/reporter.js';
import { classifyFailure } from '../tunnel/failure.js';
import { tellPeersAtEnd } from '../tunnel/shutdown.js';
import { reportStatus } from '../tunnel/status.js';
import { pause, type SessionSource, settleLink, stoppedError } from './session-source.js';

export interface DialOptions {
  readonly urls: readonly string[];
  readonly ca: string | undefined;
  /** Enrolment token of the relay. */
  readonly token: Uint8Array | undefined;
  readonly alpn: string;
  readonly reporter: Reporter;
  /** How long an interrupted session may take to come back; 0 for none. */
  readonly giveUpMs: number;
  readonly address: SealaneAddress;
  readonly signal: AbortSignal;
}

const RETRY_MS = 500;
const ATTEMPT_LIMIT_MS = 10_000;

/** What a refusal means for a one-time address. */
const meanings: Partial<Record<ErrorCode, string>> = {
  ERR_RELAY_NO_OWNER: 'nobody waits at this address: it was used already, or the side that printed it has ended',
  ERR_E2EE_DENIED: 'this one-time address is used already',
  ERR_E2EE_NO_ALPN: 'the address was printed for another command: take receive, send --to or cat as it says there',
  ERR_E2EE_DAMAGED: 'the secret in the address is not the right one, or the answer was damaged on its way',
};

/** Sessions with whoever printed a one-time address, under an identity that lives in memory. */
export class DialedSessions implements SessionSource {
  readonly #client: RelayClient;
  readonly #options: DialOptions;
  #isFirst = true;

  private constructor(client: RelayClient, options: DialOptions) {
    this.#client = client;
    this.#options = options;
  }

  static async create(options: DialOptions): Promise<DialedSessions> {
    const { urls, ca, token, reporter, signal } = options;
    const client = await RelayClient.connect(urls, {
      signal,
      credential: await Credential.create(),
      // A token enrols an identity that the relay is shown; this one is made for the transfer alone.
      ...(token === undefined ? {} : { token, identify: true }),
      resumption: { giveUpMs: options.giveUpMs },
      onStatus: reportStatus(reporter),
      ...(ca === undefined ? {} : { ca }),
    });
    tellPeersAtEnd(client);
    return new DialedSessions(client, options);
  }

  async next(signal: AbortSignal): Promise<SecureConnection> {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    for (;;) {
      if (signal.aborted) throw stoppedError();
      try {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_LIMIT_MS)]);
        return await this.#client.dial(
          { ...this.#options.address, relays: [] },
          { alpn: [this.#options.alpn], fresh: true, signal: limit },
        );
      } catch (error) {
        if (signal.aborted) throw stoppedError();
        const isPassing = isSealaneError(error, 'ERR_ABORTED') || classifyFailure(error) === 'passing';
        if (isFirst || !isPassing) throw explained(error);
        await pause(RETRY_MS);
      }
    }
  }

  settle(): Promise<void> {
    return settleLink(this.#client);
  }

  async close(): Promise<void> {
    await this.#client.close({ deadlineMs: 0 });
  }
}

function explained(error: unknown): unknown {
  if (!isSealaneError(error)) return error;
  if (error.code === 'ERR_ABORTED') {
    const text = `the relay or the other side did not answer within ${ATTEMPT_LIMIT_MS / 1_000} s`;
    return new SealaneError('ERR_LINK_TIMEOUT', text, { cause: error });
  }
  const meaning = meanings[error.code];
  if (meaning === undefined) return error;
  return new SealaneError(error.code, meaning, { cause: error, details: { ...error.details, advised: true } });
}
