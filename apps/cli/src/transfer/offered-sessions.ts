import { formatAddress, type Listener, parseAddress, RelayClient, type SecureConnection } from '@sealane/client';
import { Credential, generateAccessSecret } from '@sealane/crypto/credential';
import { SealaneError } from '@sealane/types';
import type { Reporter } from '../output/reporter.js';
import { untilAborted } from '../tunnel/contact.js';
import { tellPeersAtEnd } from '../tunnel/shutdown.js';
import { reportStatus } from '../tunnel/status.js';
import { type SessionSource, settleLink, stoppedError } from './session-source.js';

export interface OfferOptions {
  readonly urls: readonly string[];
  readonly ca: string | undefined;
  /** Enrolment token of the relay. */
  readonly token: Uint8Array | undefined;
  readonly alpn: string;
  readonly reporter: Reporter;
  /** How long an interrupted session may take to come back; 0 for none. */
  readonly giveUpMs: number;
  readonly signal: AbortSignal;
  /** The peer that came first may come back after an interruption; without, the lease ends when it came. */
  readonly mayReturn: boolean;
}

const USED: string = 'this one-time address is used already';

/**
 * A one-time address: an identity that lives in memory and a fresh secret. It belongs to the first peer whose session is
 * confirmed, which only somebody with the secret can do; nobody else gets in after it.
 */
export class OfferedSessions implements SessionSource {
  readonly address: string;
  readonly #client: RelayClient;
  readonly #listener: Listener;
  readonly #mayReturn: boolean;
  #owner: { peerId: string | undefined };
  #waiting: SecureConnection | undefined;
  #current: SecureConnection | undefined;
  #lost: unknown;
  #wake: (() => void) | undefined;

  private constructor(
    client: RelayClient,
    listener: Listener,
    accessSecret: Uint8Array,
    options: OfferOptions,
    owner: { peerId: string | undefined },
  ) {
    this.#client = client;
    this.#listener = listener;
    this.#mayReturn = options.mayReturn;
    this.#owner = owner;
    this.address = formatAddress({ ...parseAddress(listener.address), accessSecret });
    void this.#accept();
  }

  static async create(options: OfferOptions): Promise<OfferedSessions> {
    const { urls, ca, token, alpn, reporter, signal } = options;
    const accessSecret = generateAccessSecret();
    const owner: { peerId: string | undefined } = { peerId: undefined };
    const client = await RelayClient.create(urls, {
      credential: await Credential.create(),
      use: 'listen',
      // The identity is made for this address alone, and one link shall serve everything.
      identify: true,
      resumption: { giveUpMs: options.giveUpMs },
      onStatus: reportStatus(reporter),
      ...(token === undefined ? {} : { token }),
      ...(ca === undefined ? {} : { ca }),
    });
    tellPeersAtEnd(client);
    try {
      const listener = await client.listen({
        alpn: [alpn],
        hideAlpn: true,
        accessSecret,
        signal,
        accept: ({ id }) => owner.peerId === undefined || owner.peerId === id || { deny: USED },
      });
      return new OfferedSessions(client, listener, accessSecret, options, owner);
    } catch (error) {
      await client.close({ deadlineMs: 0 });
      throw signal.aborted ? stoppedError() : error;
    }
  }

  async next(signal: AbortSignal): Promise<SecureConnection> {
    while (this.#waiting === undefined) {
      if (this.#lost !== undefined) throw this.#lost;
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      try {
        await untilAborted(woken, signal);
      } catch {
        throw stoppedError();
      }
    }
    const connection = this.#waiting;
    this.#waiting = undefined;
    this.#current = connection;
    return connection;
  }

  settle(): Promise<void> {
    return settleLink(this.#client);
  }

  async close(): Promise<void> {
    await this.#client.close({ deadlineMs: 0 });
  }

  async #accept(): Promise<void> {
    try {
      for await (const connection of this.#listener) this.#take(connection);
    } catch (error) {
      this.#lost = error;
      this.#wake?.();
    }
  }

  #take(connection: SecureConnection): void {
    const { peerId } = connection;
    this.#owner.peerId ??= peerId;
    // Two may have been asked about before either had confirmed.
    if (this.#owner.peerId !== peerId || (!this.#mayReturn && this.#current !== undefined)) {
      connection.abort(new SealaneError('ERR_E2EE_DENIED'));
      return;
    }
    this.#waiting?.abort(new SealaneError('ERR_E2EE_TRUNCATED'));
    // The peer came back, so the session before is over, whether this side has noticed or not.
    this.#current?.abort(new SealaneError('ERR_E2EE_TRUNCATED'));
    this.#waiting = connection;
    if (!this.#mayReturn) {
      this.#current = connection;
      void this.#listener.close();
    }
    this.#wake?.();
  }
}
