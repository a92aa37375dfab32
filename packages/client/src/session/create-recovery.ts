import { SessionLimit } from '@sealane/types';
import { PathRecovery } from './path-recovery.js';
import type { RecordOut } from './record-out.js';
import type { SessionOptions } from './session-options.js';

/** What a session that can be resumed remembers of its paths; undefined for one that ends with its first. */
export function createRecovery(
  { clock, keys, resumption }: SessionOptions,
  out: RecordOut,
  onOverdue: () => void,
): PathRecovery | undefined {
  if (resumption === undefined) return undefined;
  const { account, giveUpMs } = resumption;
  // A dial whose CONFIRM nobody acknowledged has failed once the owner has forgotten it.
  const mayBeUnknown = (): boolean => keys.role === 'dialer' && out.sent.acknowledged === 0;
  return new PathRecovery({
    clock,
    account,
    giveUpMs: () => (mayBeUnknown() ? Math.min(giveUpMs, SessionLimit.confirmWaitMs) : giveUpMs),
    onOverdue,
  });
}
