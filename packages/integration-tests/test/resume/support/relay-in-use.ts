import { vi } from 'vitest';
import type { RelayStage } from './relay-stage.js';
import type { StandingRelay } from './standing-relay.js';

/** Sessions that the relay carries now, by what it says itself. */
export function carriedSessions({ process }: StandingRelay): number {
  const count = (name: string): number => process.events.filter(({ event }) => event === name).length;
  return count('session-open') - count('session-close');
}

/** The one relay that carries the sessions of the stage, and the others. */
export async function relayInUse(
  stage: RelayStage,
): Promise<{ readonly used: StandingRelay; readonly others: readonly StandingRelay[] }> {
  const used = await vi.waitUntil(
    () => {
      const carrying = stage.relays.filter((relay) => !relay.process.hasExited && carriedSessions(relay) > 0);
      return carrying.length === 1 ? carrying[0] : undefined;
    },
    { timeout: 20_000, interval: 20 },
  );
  return { used, others: stage.relays.filter((relay) => relay !== used) };
}
