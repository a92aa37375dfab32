/** Why a message link ended. `clean` is true only after a close handshake of both sides. */
export interface LinkEnd {
  readonly clean: boolean;
  /** WebSocket close code where there is one (RFC 6455 section 7.4), else undefined. */
  readonly code?: number;
  /** For people and logs; never matched. */
  readonly reason: string;
}

export interface MessageLinkHandler {
  /** One whole message. The callee may keep views of it; the link never reuses its memory. */
  onMessage(message: Uint8Array): void;
  /** The same for a message that arrived in pieces, none of them empty. Without it a link joins them. */
  onParts?(parts: readonly Uint8Array[]): void;
  /** `queuedBytes` fell below the link's low mark after having been above it. */
  onDrain(): void;
  /** Called exactly once; nothing is called after it. */
  onEnd(end: LinkEnd): void;
}

/**
 * One ordered, reliable link that carries whole binary messages, e.g. an open WebSocket.
 * Bytes given to `send` belong to the link from then on and must not be changed.
 */
export interface MessageLink {
  /** Must be called once, synchronously after the link was obtained. */
  start(handler: MessageLinkHandler): void;
  /** Queues one message. A no-op after the link has ended. */
  send(message: Uint8Array): void;
  /**
   * `send` of all parts as one message of `bytes` bytes, without joining them first. Not every link has it. `isLast` says
   * that nothing follows soon, so that the link need not wait for company.
   */
  sendParts?(parts: readonly Uint8Array[], bytes: number, isLast?: boolean): void;
  /** Bytes accepted by `send` that the platform has not taken yet. */
  readonly queuedBytes: number;
  /** Bytes received and bytes taken by the platform since the start: progress, for dead-peer detection. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Orderly close with a WebSocket close code; what is queued is sent first. */
  close(code?: number, reason?: string): void;
  /** Ends at once, dropping what is queued. */
  abort(reason?: string): void;
}
