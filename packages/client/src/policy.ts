/** A peer whose identity the handshake has shown but whose CONFIRM has not arrived. */
export interface PeerRequest {
  readonly id: string;
  /** Epoch of the keycert that the peer used. */
  readonly epoch: number;
  readonly alpn: readonly string[];
  readonly service: string;
  /** What the peer shows as a ticket of the owner's; nothing of it is checked yet. */
  readonly ticket?: Uint8Array | undefined;
}

export type AcceptDecision = boolean | { readonly deny: string };

/**
 * A question without side effects: the peer is authenticated but not confirmed, and the same peer may be asked
 * about several times. `false` or `{ deny: reason }` refuses; the reason reaches the peer sealed, at most 96 bytes.
 * An exception refuses too.
 */
export type AcceptPolicy = (peer: PeerRequest) => AcceptDecision | Promise<AcceptDecision>;

/** Lets in the given ids. The set is read at every decision, so it may change. */
export function allowIds(ids: ReadonlySet<string> | readonly string[]): AcceptPolicy {
  return (peer) => (ids instanceof Set ? ids.has(peer.id) : (ids as readonly string[]).includes(peer.id));
}

/** Lets in everybody who knows the address. */
export function allowAny(): AcceptPolicy {
  return () => true;
}
