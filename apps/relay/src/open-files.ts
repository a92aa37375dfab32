import type { RelayLimits } from '@sealane/server';
import { RelayLimit } from '@sealane/types';

/** Files, pipes and the event loop of the process itself; measured, about 25. */
const OWN_FILES = 32;
/** Sockets that are only there to be told that they are too many. */
const MAX_SPARE_FILES = 128;

/** How many files and sockets the system lets this process open; undefined where it does not say or does not limit. */
export function maxOpenFiles(): number | undefined {
  const report = process.report.getReport() as { readonly userLimits?: { readonly open_files?: { soft?: unknown } } };
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : undefined;
}

/**
 * Lower limits for a process that may open few files: whoever comes too much is refused with a code, not by a failing
 * accept, and half-open sockets never take the handles of those who authenticate. Undefined where the defaults fit.
 */
export function limitsForOpenFiles(
  files: number | undefined,
): Pick<RelayLimits, 'maxSockets' | 'maxUnauthenticated'> | undefined {
  if (files === undefined) return undefined;
  const spare = Math.min(MAX_SPARE_FILES, Math.floor(files / 16));
  const maxSockets = Math.max(1, files - OWN_FILES - spare);
  if (maxSockets >= RelayLimit.maxSockets) return undefined;
  return { maxSockets, maxUnauthenticated: Math.min(RelayLimit.maxUnauthenticated, Math.ceil(maxSockets / 4)) };
}
