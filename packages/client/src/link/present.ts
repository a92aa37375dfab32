import { LinkFeature, MessageKind, type ProofKind } from '@sealane/types';
import type { RelayLink } from './relay-link.js';

/**
 * Shows the relay a token or a ticket, where it knows of them (v1.md, "Admission"). Never rejects: what the relay says to
 * it, it says again to the request that needs it.
 */
export async function present(link: RelayLink, proof: ProofKind, bytes: Uint8Array | undefined): Promise<void> {
  if (bytes === undefined || !link.isUp || (link.relay.features & LinkFeature.ADMISSION) === 0) return;
  await link.request((request) => ({ kind: MessageKind.PRESENT, request, proof, bytes })).catch(() => undefined);
}
