import type { HttpAnswer } from './http-answer.js';
import { type Ban, banText } from './policy/ban.js';

export type SocketRefusalCode = 'SOCKETS' | 'SOCKETS_PER_ADDRESS' | 'NEW_SOCKETS_PER_ADDRESS' | 'BANNED';

/** Why a socket is not let in, as HTTP says it. */
export interface SocketRefusal extends HttpAnswer {
  readonly code: SocketRefusalCode;
}

/** 503 above what all may have, 429 above what one address may have; `waitMs` is when it may be tried again. */
export function socketRefusal(code: Exclude<SocketRefusalCode, 'BANNED'>, waitMs = 1_000): SocketRefusal {
  return refusal(code === 'SOCKETS' ? 503 : 429, code, 'too many connections', waitMs);
}

/** 403, with the time until the ban is over if it ends. */
export function bannedRefusal(ban: Ban, nowWallMs: number): SocketRefusal {
  const waitMs = ban.expiresAtMs === null ? undefined : ban.expiresAtMs - nowWallMs;
  return refusal(403, 'BANNED', banText(ban), waitMs);
}

/** A client of Sealane reads `Sealane-Refusal`: the code, and the text percent-encoded. */
function refusal(status: number, code: SocketRefusalCode, text: string, waitMs: number | undefined): SocketRefusal {
  const retry = waitMs === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(waitMs / 1_000))) };
  return { status, code, text, headers: { 'Sealane-Refusal': `${code} ${encodeURIComponent(text)}`, ...retry } };
}
