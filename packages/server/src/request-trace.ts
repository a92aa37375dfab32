import type { Connect, Resume } from '@sealane/protocol';
import { OpenKind } from '@sealane/types';
import type { RequestTrace } from './event.js';

/** By which the relay and both ends know a request. */
export function traceOf(request: Connect | Resume): RequestTrace {
  return request.kind === OpenKind.RESUME
    ? { resume: Buffer.from(request.resumeId).toString('hex') }
    : { connection: Buffer.from(request.connectionId).toString('hex') };
}
