import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireProgram, type SkippableTest, type TestProcess } from '@sealane/testkit';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach } from 'vitest';
import { ClientStack } from '../../support/client-stack.js';
import { startRelay } from '../../three-processes.js';
import type { PageProgram } from '../page/program.js';
import { PageServer } from './page-server.js';

/** Where a relay keeps what outlives it, beside its keys: also the files that SQLite puts next to it. */
const DATABASE_FILE = 'relay.db';

export const switches = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The program of a page, and the page. */
export type RemotePage = PageProgram & { readonly page: Page };

/** One stage for the tests of a file, started by the first one: pages and clients end with each test. */
export function sharedStage(): (test: SkippableTest) => Promise<BrowserStage> {
  let stage: BrowserStage | undefined;
  afterEach(async () => await stage?.clear());
  afterAll(async () => await stage?.[Symbol.asyncDispose]());
  return async (test) => {
    stage ??= await BrowserStage.start(test);
    return stage;
  };
}

/** A relay process, a web server and a headless Chromium with a profile on disk. */
export class BrowserStage implements AsyncDisposable {
  relay: TestProcess;
  relayUrl: string;
  /** Clients of this process, closed with the stage. */
  node: ClientStack = new ClientStack();
  readonly #directory: string;
  readonly #server: PageServer;
  readonly #executable: string;
  #context: BrowserContext;

  private constructor(parts: {
    relay: TestProcess;
    relayUrl: string;
    directory: string;
    server: PageServer;
    executable: string;
    context: BrowserContext;
  }) {
    this.relay = parts.relay;
    this.relayUrl = parts.relayUrl;
    this.#directory = parts.directory;
    this.#server = parts.server;
    this.#executable = parts.executable;
    this.#context = parts.context;
  }

  /** Skips the test where there is no Chromium. */
  static async start(test: SkippableTest): Promise<BrowserStage> {
    const executable = requireProgram(test, 'chromium');
    const directory = mkdtempSync(join(tmpdir(), 'sealane-browser-'));
    const relay = startRelay(join(directory, 'relay'));
    const relayUrl = String((await relay.waitFor('listening'))['url']);
    const [server, context] = await Promise.all([PageServer.start(), launch(executable, directory)]);
    return new BrowserStage({ relay, relayUrl, directory, server, executable, context });
  }

  /** A new page (tab) with the program in it, or in a worker that it starts. */
  async page(run: 'page' | 'worker' | 'shared-worker' = 'page', path = '/'): Promise<RemotePage> {
    const page = await this.#context.newPage();
    await page.goto(`${this.#server.url}${path}?run=${run}`);
    return remote(page);
  }

  /** A new page with a script of its own in place of the program. */
  async pageOf(script: string): Promise<Page> {
    const page = await this.#context.newPage();
    await page.goto(this.#server.add(script));
    return page;
  }

  /** Ends the browser and starts it again with the same profile. */
  async restartBrowser(): Promise<void> {
    await this.#context.close();
    this.#context = await launch(this.#executable, this.#directory);
  }

  /** Another process with the identity of the first, and no leases or names, as after a loss of its database; `relayUrl` changes with it. */
  async restartRelay(): Promise<void> {
    await this.relay.stop();
    for (const file of readdirSync(join(this.#directory, 'relay'))) {
      if (file.startsWith(DATABASE_FILE)) rmSync(join(this.#directory, 'relay', file));
    }
    this.relay = startRelay(join(this.#directory, 'relay'));
    this.relayUrl = String((await this.relay.waitFor('listening'))['url']);
  }

  /** Ends pages and clients, and forgets what pages have stored. */
  async clear(): Promise<void> {
    await this.node.close();
    this.node = new ClientStack();
    for (const page of this.#context.pages()) await page.close();
    const page = await this.#context.newPage();
    const session = await this.#context.newCDPSession(page);
    await session.send('Storage.clearDataForOrigin', { origin: this.#server.url, storageTypes: 'all' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.close();
    await this.#context.close();
    await this.#server.close();
    await this.relay.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function launch(executablePath: string, directory: string): Promise<BrowserContext> {
  return await chromium.launchPersistentContext(join(directory, 'profile'), {
    executablePath,
    args: switches,
    // The wrapper of Debian looks for its settings there, and Chromium for a bus that is not needed.
    env: { ...(process.env as Record<string, string>), DBUS_SESSION_BUS_ADDRESS: 'disabled:' },
  });
}

/** Methods of the program, run in the page. */
function remote(page: Page): RemotePage {
  return new Proxy({ page } as RemotePage, {
    get(target, method: string) {
      if (method === 'page' || method === 'then') return Reflect.get(target, method);
      return async (...args: unknown[]) => {
        const answer = await page.evaluate(
          ([name, values]) =>
            (
              globalThis as unknown as {
                callProgram(name: string, values: unknown): Promise<{ value: unknown } | { error: string }>;
              }
            ).callProgram(name, values),
          [method, args] as const,
        );
        if ('error' in answer) throw new Error(answer.error);
        return answer.value;
      };
    },
  });
}
