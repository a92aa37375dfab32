import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopAllProcesses, type TestProcess } from '@sealane/testkit';
import type { AccessRole } from '../../src/database/access-token-repository.js';
import { startRelay } from '../relay-process.js';

export interface Asked {
  /** Default: the one that the relay made at its start. */
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly json: never;
}

/** A relay process with an admin listener, and who asks it. */
export class AdminStage {
  readonly directory: string;
  readonly dataDir: string;
  #process: TestProcess | undefined;
  url = '';
  relayUrl = '';
  relayId = '';
  token = '';

  private constructor(directory: string) {
    this.directory = directory;
    this.dataDir = join(directory, 'data');
  }

  static async create(): Promise<AdminStage> {
    return new AdminStage(await mkdtemp(join(tmpdir(), 'sealane-admin-')));
  }

  static async start(...args: string[]): Promise<AdminStage> {
    const stage = await AdminStage.create();
    await stage.restart(...args);
    return stage;
  }

  /** The one that runs is killed. */
  async restart(...args: string[]): Promise<void> {
    await this.#process?.kill();
    const { process, url, id } = await startRelay(this.dataDir, '--admin-listen', '127.0.0.1:0', ...args);
    this.#process = process;
    this.relayUrl = url;
    this.relayId = id;
    this.url = String((await process.waitFor('listening'))['admin']);
    this.token = (await readFile(join(this.dataDir, 'admin-token'), 'utf8')).trim();
  }

  get process(): TestProcess {
    if (this.#process === undefined) throw new Error('the relay is not started');
    return this.#process;
  }

  async ask(method: string, path: string, { token = this.token, body, headers }: Asked = {}): Promise<Answered> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(token === '' ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const type = response.headers.get('content-type') ?? '';
    const bytes = Buffer.from(await response.arrayBuffer());
    const json = (type.startsWith('application/json') ? JSON.parse(bytes.toString()) : undefined) as never;
    return { status: response.status, type, json };
  }

  /** A new token with this role. */
  async tokenOf(role: AccessRole): Promise<{ readonly id: string; readonly token: string }> {
    return (await this.ask('POST', '/api/v1/tokens', { body: { role, label: role } })).json;
  }

  async close(): Promise<void> {
    await stopAllProcesses();
    await rm(this.directory, { recursive: true, force: true });
  }
}
