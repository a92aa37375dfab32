import type { RelayMetrics } from '@sealane/server';

export const notReadyReasons = ['draining', 'memory', 'sockets'] as const;

/**
 * Why no client should be sent here now: `draining` it ends; `memory` three quarters of the budget are taken, and new
 * streams are refused; `sockets` it has as many as it may.
 */
export type NotReadyReason = (typeof notReadyReasons)[number];

/** Empty: new clients are served. */
export function whyNotReady(
  relay: Pick<RelayMetrics, 'isDraining' | 'isOverBudget' | 'sockets' | 'socketsLimit'>,
): readonly NotReadyReason[] {
  const isSo: Readonly<Record<NotReadyReason, boolean>> = {
    draining: relay.isDraining,
    memory: relay.isOverBudget,
    sockets: relay.sockets >= relay.socketsLimit,
  };
  return notReadyReasons.filter((reason) => isSo[reason]);
}
