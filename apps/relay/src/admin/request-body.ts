import type { IncomingMessage } from 'node:http';
import { ApiError } from './api-error.js';

const MAX_BODY_BYTES = 65_536;

/**
 * The JSON of a request. Only as `application/json`: a form of another page cannot send that.
 * @throws ApiError UNSUPPORTED_TYPE, TOO_LARGE, BAD_REQUEST
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json *(;|$)/i.test(type)) throw new ApiError('UNSUPPORTED_TYPE');
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > MAX_BODY_BYTES) throw tooLarge();
  const bytes = await readBytes(request);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw new ApiError('BAD_REQUEST', 'the body is no JSON');
  }
}

/** By events: a loop that is left early would destroy the socket, and with it the answer. */
function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
      else reject(tooLarge());
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new ApiError('BAD_REQUEST', 'the body was cut')));
  });
}

function tooLarge(): ApiError {
  return new ApiError('TOO_LARGE', `a body has at most ${MAX_BODY_BYTES} bytes`);
}
