import type { MuxHandler, MuxStream } from '@sealane/mux';
import { decodeMessage } from '@sealane/protocol';
import { MessageKind, RelayCode, SealaneError } from '@sealane/types';
import type { RelayLink } from './link.js';
import type { LinkHost } from './link-host.js';
import type { RelayConfig } from './relay-config.js';

/** What a link's mux tells: a client's streams go to the host, its requests too unless it asks too fast. */
export class LinkFrames implements MuxHandler {
  readonly #link: RelayLink;
  readonly #host: LinkHost;
  readonly #config: RelayConfig;

  constructor(link: RelayLink, host: LinkHost, config: RelayConfig) {
    this.#link = link;
    this.#host = host;
    this.#config = config;
  }

  onWritable(): void {
    this.#link.scheduleFlush();
  }

  onOpen(stream: MuxStream, open: Uint8Array): void {
    this.#host.onOpen(this.#link, stream, open);
  }

  onRefused(): void {
    this.#config.reporter.refused(RelayCode.BUSY, 'connect');
  }

  onMessage(streamId: number, stream: MuxStream | undefined, body: Uint8Array): void {
    const link = this.#link;
    if (streamId !== 0) {
      if (stream !== undefined) this.#host.onStreamMessage(link, stream, body);
      return;
    }
    const message = decodeMessage(body);
    if (!('request' in message) || message.kind === MessageKind.ERROR) {
      throw new SealaneError('ERR_PROTOCOL_MESSAGE', 'a client does not send this message');
    }
    const refusal = link.rates.ask(message.kind);
    if (refusal !== undefined) {
      this.#config.reporter.refused(RelayCode.BUSY, 'link');
      link.refuse(message.request, refusal);
      link.strike();
      return;
    }
    this.#host.onRequest(link, message);
  }
}
