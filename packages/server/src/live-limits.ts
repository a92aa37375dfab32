import type { Server } from 'node:http';
import { type RelayLimits, resolveLimits } from './limits.js';
import type { RelayLink } from './link.js';
import type { RelayConfig } from './relay-config.js';
import type { SocketMemory } from './socket-memory.js';

/** A part of the relay that keeps something made from limits. */
export interface LimitedPart {
  /** The limits of the relay are others now: what is open and above them goes, and rates follow. */
  applyLimits(): void;
}

export interface LimitedRelay {
  readonly config: RelayConfig;
  readonly parts: readonly LimitedPart[];
  readonly memory: SocketMemory;
  readonly links: Iterable<RelayLink>;
  /** Those that the relay made itself. */
  readonly servers: Iterable<Server>;
}

/**
 * Puts other limits in the place of those in force. Everything reads `config.limits` when it needs a limit; what is named
 * here has something to do when one changes.
 * @throws ERR_ARGUMENT, and then nothing has changed
 */
export function changeLimits(relay: LimitedRelay, changes: Partial<RelayLimits>): void {
  const { config, parts, memory, links, servers } = relay;
  Object.assign(config.limits, resolveLimits({ ...config.limits, ...changes }));
  const { headersTimeoutMs, memoryBudgetBytes } = config.limits;
  for (const part of parts) part.applyLimits();
  for (const link of links) {
    link.rates.applyLimits();
    // Below other marks than before, its queue might wait for a call that does not come.
    link.onDrain();
  }
  for (const server of servers) {
    server.headersTimeout = headersTimeoutMs;
    server.requestTimeout = headersTimeoutMs;
  }
  config.budget.limitBytes = memoryBudgetBytes;
  memory.setLimit(memoryBudgetBytes / 2);
  config.budget.relieve();
}
