import type { MessageLink, MessageLinkHandler } from '@sealane/types';

export interface LinkTap {
  /** The relay gives a message to the link. */
  onSend?(message: Uint8Array): void;
  /** A message is about to reach the relay. */
  onReceive?(message: Uint8Array): void;
}

/** The relay's end of a link as before, seen at the moment at which the relay takes and gives. */
export function tapLink(link: MessageLink, tap: LinkTap): MessageLink {
  return {
    start(handler: MessageLinkHandler) {
      link.start({
        onMessage: (message) => {
          tap.onReceive?.(message);
          handler.onMessage(message);
        },
        onDrain: () => handler.onDrain(),
        onEnd: (end) => handler.onEnd(end),
      });
    },
    send(message) {
      tap.onSend?.(message);
      link.send(message);
    },
    get queuedBytes() {
      return link.queuedBytes;
    },
    get receivedBytes() {
      return link.receivedBytes;
    },
    get sentBytes() {
      return link.sentBytes;
    },
    close: (code, reason) => link.close(code, reason),
    abort: (reason) => link.abort(reason),
  };
}
