import type { MessageLink } from '@sealane/types';

export interface TransportOptions {
  readonly subprotocol: string;
  /** Larger messages end the link. */
  readonly maxMessageBytes: number;
  readonly signal?: AbortSignal;
  readonly ca?: string;
  readonly proxy?: string | false;
  readonly mask?: 'auto' | 'zero' | 'random';
}

/**
 * Opens one message link to `url` (`ws:` or `wss:`, without fragment). Rejects with ERR_LINK_FAILED, or with
 * ERR_ABORTED when the signal fired. The caller calls `start` synchronously after the promise's value is at hand.
 */
export type TransportFactory = (url: string, options: TransportOptions) => Promise<MessageLink>;
