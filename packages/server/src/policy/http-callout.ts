import { RelayCode, SealaneError } from '@sealane/types';
import type { AdmissionLimits, AdmissionQuestion, AdmissionRule, Verdict } from './admission.js';

export interface HttpCalloutOptions {
  /** `http:` or `https:`; asked with POST. It may hold a secret and is never told in an error. */
  readonly url: string;
  /** Sent as `Authorization: Bearer ...`; a function is asked before every question. */
  readonly bearer?: string | (() => string | undefined);
  /** For the whole answer. Default 3,000. */
  readonly timeoutMs?: number;
  /**
   * What no answer means: nobody new gets in, with BUSY, and leases run out at the end of their time (`refuse`, the
   * default), or everybody does (`admit`). No answer is: none in time, a status other than 200, or a body that breaks the
   * rules.
   */
  readonly onFailure?: 'refuse' | 'admit';
  /** A question without an answer, for logs: what went wrong, without the URL. */
  readonly onError?: (problem: string) => void;
}

const MAX_ANSWER_BYTES = 16_384;
const MAX_REASON_LENGTH = 200;
/** Questions that are asked at once, and that wait for their turn. */
const MAX_ASKING = 64;
const MAX_WAITING = 4_096;
const limitNames: readonly (keyof AdmissionLimits)[] = ['sessions', 'connectsPerSecond', 'leaseTtlMs'];

/**
 * Asks a service of the operator's: `{"version":1,"use":"lease","id":...,"service":...,"name":...,"address":...}`,
 * answered with
 * `{"allow":true,"limits":{...}}` or `{"allow":false,"reason":...}` (docs/admission.md). Nothing is remembered: it is asked
 * at every registration and renewal of a lease, and once a minute about a dialer.
 */
export class HttpCallout implements AdmissionRule {
  readonly #options: HttpCalloutOptions;
  readonly #url: string;
  /** The same question at the same time is asked once. */
  readonly #asking = new Map<string, Promise<Verdict>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @throws ERR_ARGUMENT */
  constructor(options: HttpCalloutOptions) {
    this.#options = options;
    this.#url = checkedUrl(options.url);
    const { timeoutMs = 3_000 } = options;
    if (!Number.isFinite(timeoutMs) || timeoutMs <= 0 || timeoutMs > 60_000) {
      throw new SealaneError('ERR_ARGUMENT', 'the time for an answer is above 0 and at most 60,000 ms');
    }
  }

  judge(question: AdmissionQuestion): Promise<Verdict> {
    const { use, id, service, name, address = null } = question;
    const body = JSON.stringify({ version: 1, use, id, service, name, address });
    let asking = this.#asking.get(body);
    if (asking === undefined) {
      if (this.#waiting.length >= MAX_WAITING) return Promise.resolve(this.#failed('too many questions wait'));
      asking = this.#inTurn(body).finally(() => this.#asking.delete(body));
      this.#asking.set(body, asking);
    }
    return asking;
  }

  async #inTurn(body: string): Promise<Verdict> {
    if (this.#running >= MAX_ASKING) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      return await this.#ask(body);
    } catch (error) {
      return this.#failed(describe(error));
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #ask(body: string): Promise<Verdict> {
    const { timeoutMs = 3_000 } = this.#options;
    const bearer = typeof this.#options.bearer === 'function' ? this.#options.bearer() : this.#options.bearer;
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Problem(`it answered with status ${response.status}`);
    }
    return parseAnswer(await readBounded(response));
  }

  #failed(problem: string): Verdict {
    this.#options.onError?.(problem);
    if (this.#options.onFailure === 'admit') return { is: 'admitted' };
    return { is: 'refused', code: RelayCode.BUSY, reason: 'the relay cannot ask who may use it' };
  }
}

/** Something about the answer that may be told. */
class Problem extends Error {}

/** The verdict in an answer; exported for its tests. Anything that is not exactly one is no answer. */
export function parseAnswer(text: string): Verdict {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Problem('its answer is not JSON');
  }
  if (typeof answer !== 'object' || answer === null || !('allow' in answer) || typeof answer.allow !== 'boolean') {
    throw new Problem('its answer does not say "allow"');
  }
  const { reason, limits } = answer as { readonly reason?: unknown; readonly limits?: unknown };
  if (reason !== undefined && typeof reason !== 'string') throw new Problem('its reason is no text');
  if (answer.allow) return { is: 'admitted', ...(limits === undefined ? {} : { limits: parseLimits(limits) }) };
  const told = reason === undefined || reason === '' ? 'the relay does not admit this identity' : reason;
  return { is: 'refused', code: RelayCode.DENIED, reason: told.slice(0, MAX_REASON_LENGTH) };
}

/** A limit that nobody would keep is no answer: who meant to limit must not let in without. */
function parseLimits(limits: unknown): AdmissionLimits {
  if (typeof limits !== 'object' || limits === null || Array.isArray(limits)) throw new Problem('its limits are none');
  for (const [name, value] of Object.entries(limits)) {
    if (!limitNames.includes(name as keyof AdmissionLimits)) throw new Problem('it names a limit that is not known');
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw new Problem('a limit is no number');
  }
  return { ...limits };
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new Problem('its answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The platform's own texts may hold the URL. */
function describe(error: unknown): string {
  if (error instanceof Problem) return error.message;
  if (error instanceof Error && error.name === 'TimeoutError') return 'it did not answer in time';
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return typeof cause?.code === 'string' ? `it cannot be reached (${cause.code})` : 'it cannot be reached';
}

function checkedUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new SealaneError('ERR_ARGUMENT', 'the callout has a URL that is none');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new SealaneError('ERR_ARGUMENT', 'the callout has an http:// or https:// URL');
  }
  if (url.username !== '' || url.password !== '') {
    throw new SealaneError('ERR_ARGUMENT', 'the URL of the callout carries no user name; give its token apart');
  }
  return url.href;
}
