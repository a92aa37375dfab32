import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { readSecretFile } from '@sealane/crypto/key-file';
import { isSealaneError, SealaneError } from '@sealane/types';
import { ADMIN_TOKEN_FILE, ADMIN_URL_FILE } from '../admin/admin-files.js';
import { usageError } from '../error-line.js';
import { loadConfiguration, type ProgramFlags } from '../load-configuration.js';
import { programSettings } from '../settings/program-settings.js';

export interface AdminFlags extends ProgramFlags {
  readonly adminUrl?: string;
  readonly adminTokenFile?: string;
}

export interface Item {
  readonly [field: string]: unknown;
}

export interface ServerSentEvent {
  readonly event: string;
  /** JSON */
  readonly data: string;
}

const ANSWER_TIMEOUT_MS = 30_000;
/** A large database takes its time. */
const BACKUP_TIMEOUT_MS = 600_000;

/** Asks the admin API of a relay, with the token and the URL of its data directory unless others are named. */
export class AdminClient {
  readonly #url: string;
  readonly #token: string;

  private constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** @throws ERR_ARGUMENT, ERR_KEY_FILE_*, ERR_ADMIN_UNREACHABLE where no relay with an admin API runs on the directory */
  static async create(flags: AdminFlags): Promise<AdminClient> {
    const { adminUrl, adminTokenFile } = flags;
    const dataDir =
      adminUrl !== undefined && adminTokenFile !== undefined
        ? undefined
        : loadConfiguration(flags).get(programSettings.dataDir);
    const inDirectory = (name: string): string => {
      if (dataDir === undefined)
        throw usageError('give --data-dir DIR, or --admin-url URL and --admin-token-file FILE');
      return join(dataDir, name);
    };
    const url = adminUrl ?? (await readUrl(inDirectory(ADMIN_URL_FILE)));
    if (!/^https?:\/\/[^/?#@]+\/?$/i.test(url)) throw usageError(`"${url}" is no URL as http://127.0.0.1:8788`);
    return new AdminClient(url.replace(/\/$/, ''), await readText(adminTokenFile ?? inDirectory(ADMIN_TOKEN_FILE)));
  }

  /** The answer's JSON; undefined where it has none. @throws ERR_ADMIN, ERR_ADMIN_UNREACHABLE */
  async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await this.#request(method, path, body, ANSWER_TIMEOUT_MS);
    return response.status === 204 ? undefined : await orUnreachable(this.#url, () => response.json());
  }

  /** All of a list, page by page. */
  async list(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<readonly Item[]> {
    const items: Item[] = [];
    for (let after: string | undefined; ; ) {
      const page = (await this.ask('GET', withQuery(path, { ...query, after, limit: '1000' }))) as {
        readonly items: readonly Item[];
        readonly next?: string;
      };
      items.push(...page.items);
      if (page.next === undefined) return items;
      after = page.next;
    }
  }

  /** Whole and on the disk, with mode 0600, or not there. @throws ERR_FILE_EXISTS, ERR_ADMIN* */
  async backup(file: string): Promise<number> {
    const descriptor = createNew(file);
    let size = 0;
    let isWhole = false;
    try {
      const response = await this.#request('POST', '/api/v1/backup', undefined, BACKUP_TIMEOUT_MS);
      await orUnreachable(this.#url, async () => {
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
          for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at);
          size += chunk.length;
        }
      });
      fsyncSync(descriptor);
      isWhole = size === Number(response.headers.get('content-length'));
      if (!isWhole) throw new SealaneError('ERR_ADMIN_UNREACHABLE', 'the backup did not arrive whole');
      return size;
    } finally {
      closeSync(descriptor);
      if (!isWhole) rmSync(file, { force: true });
    }
  }

  /** Until the relay ends it. @throws ERR_ADMIN, ERR_ADMIN_UNREACHABLE */
  async *events(types: string | undefined): AsyncGenerator<ServerSentEvent> {
    const response = await this.#request('GET', withQuery('/api/v1/events', { types }), undefined, undefined);
    const decoder = new TextDecoder();
    let rest = '';
    const chunks = (response.body as unknown as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await orUnreachable(this.#url, () => chunks.next());
      if (done === true) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
        const data = fields.get('data');
        if (data !== undefined) yield { event: fields.get('event') ?? 'message', data };
      }
    }
  }

  async #request(method: string, path: string, body: unknown, timeoutMs: number | undefined): Promise<Response> {
    const response = await orUnreachable(this.#url, () =>
      fetch(this.#url + path, {
        method,
        redirect: 'error',
        headers: {
          Authorization: `Bearer ${this.#token}`,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
      }),
    );
    if (response.ok) return response;
    throw await refusalOf(response);
  }
}

export function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

async function refusalOf(response: Response): Promise<SealaneError> {
  const { status } = response;
  try {
    const { error } = (await response.json()) as {
      readonly error: { readonly code: string; readonly message: string };
    };
    const { code, message } = error;
    return new SealaneError('ERR_ADMIN', `${message} [${code}]`, { details: { status, code } });
  } catch {
    return new SealaneError('ERR_ADMIN', `what answers is no admin API (status ${status})`, { details: { status } });
  }
}

async function orUnreachable<T>(url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (isSealaneError(cause)) throw cause;
    const { message, cause: inner } = cause as Error;
    const text = inner instanceof Error && inner.message !== '' ? inner.message : message;
    throw new SealaneError('ERR_ADMIN_UNREACHABLE', `the admin API at ${url} cannot be reached: ${text}`, { cause });
  }
}

async function readUrl(file: string): Promise<string> {
  try {
    return await readText(file);
  } catch (error) {
    if (!isSealaneError(error, 'ERR_KEY_FILE_MISSING')) throw error;
    const text = `${file} is not there: no relay with --admin-listen runs on this data directory`;
    throw new SealaneError('ERR_ADMIN_UNREACHABLE', `${text}; give --admin-url URL if it runs elsewhere`);
  }
}

async function readText(file: string): Promise<string> {
  return Buffer.from(await readSecretFile(file))
    .toString('utf8')
    .trim();
}

function createNew(file: string): number {
  try {
    return openSync(file, 'wx', 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new SealaneError('ERR_FILE_EXISTS', `${file} exists already; a backup is a new file`);
    throw new SealaneError('ERR_SYSTEM', `${file} cannot be written: ${message}`, { cause: error });
  }
}
