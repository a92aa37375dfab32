import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCrypto } from '@sealane/crypto';
import { Credential } from '@sealane/crypto/credential';
import { createKeyFile } from '@sealane/crypto/key-file';
import { ChildProgram, textField } from './child-program.js';
import type { DemoFacts } from './page.js';
import { createPageServer, type PageServer } from './page-server.js';
import { createRecordingTap, type RecordingTap } from './recording-tap.js';
import { hexLines } from './side-by-side.js';

export interface DemoCast {
  readonly url: string;
  readonly relay: { readonly url: string; readonly id: string };
  readonly owner: string;
  readonly dialer: string;
}

const cliFile = fileURLToPath(new URL('../main.js', import.meta.url));
const relayFile = (): string =>
  fileURLToPath(new URL('./dist/main.js', import.meta.resolve('@sealane/relay/package.json')));

/** Relay, owner and dialer as processes, a page behind the owner, and a recording of each link to the relay. */
export class DemoStage {
  onVisit: () => void = () => {};
  /** Rejects when a process ends that should not. */
  readonly failed: Promise<never>;
  readonly #directory: string;
  readonly #programs: ChildProgram[] = [];
  readonly #taps: RecordingTap[] = [];
  readonly #startedMs = Date.now();
  #fail: (error: Error) => void = () => {};
  #page: PageServer | undefined;
  #cast: DemoCast | undefined;
  #sessions = 0;
  #streams = 0;
  #stopped = false;

  constructor(directory: string) {
    this.#directory = directory;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  get cast(): DemoCast {
    if (this.#cast === undefined) throw new Error('the demo has not started');
    return this.#cast;
  }

  get pids(): number[] {
    return this.#programs.map((program) => program.pid);
  }

  /** What the relay received and sent in all. */
  get carriedBytes(): number {
    return this.#taps.reduce((sum, tap) => sum + tap.toRelay.total + tap.fromRelay.total, 0);
  }

  async start(listen: string): Promise<void> {
    await loadCrypto();
    const [owner, dialer] = await Promise.all(['owner', 'dialer'].map((name) => this.#createIdentity(name)));
    if (owner === undefined || dialer === undefined) throw new Error('the demo has no identities');
    this.#page = await createPageServer(
      () => this.#facts(),
      () => this.onVisit(),
    );
    const relay = this.#spawn('relay', relayFile(), [
      '--listen',
      '127.0.0.1:0',
      '--data-dir',
      join(this.#directory, 'relay'),
      '--json',
    ]);
    const listening = await relay.waitFor('listening');
    const [relayUrl, relayId] = [textField(relay, listening, 'url'), textField(relay, listening, 'id')];
    const { hostname, port } = new URL(relayUrl);
    const [dialerTap, ownerTap] = await Promise.all([
      createRecordingTap({ host: hostname, port: Number(port) }),
      createRecordingTap({ host: hostname, port: Number(port) }),
    ]);
    this.#taps.push(dialerTap, ownerTap);
    const through = (tap: RecordingTap) => `ws://127.0.0.1:${tap.port}#${relayId}`;

    const exposing = this.#spawn('owner', cliFile, [
      'expose',
      String(this.#page.port),
      ...[
        '--relay',
        through(ownerTap),
        '--identity',
        this.#keyFile('owner'),
        '--allow',
        dialer,
        '--drain',
        '1',
        '--json',
      ],
    ]);
    exposing.onEvent = ({ event, state }) => {
      if (event === 'session') this.#sessions += state === 'open' ? 1 : -1;
      if (event === 'stream' && state === 'open') this.#streams += 1;
    };
    const ready = await exposing.waitFor('ready');

    const connecting = this.#spawn('dialer', cliFile, [
      'connect',
      textField(exposing, ready, 'address'),
      ...[
        '--relay',
        through(dialerTap),
        '--listen',
        listen,
        '--identity',
        this.#keyFile('dialer'),
        '--drain',
        '1',
        '--json',
      ],
    ]);
    const local = textField(connecting, await connecting.waitFor('listening'), 'address');
    this.#cast = { url: `http://${local}/`, relay: { url: relayUrl, id: relayId }, owner, dialer };
  }

  /** Where the recording of the dialer's link stands. */
  markLink(): { toRelay: number; fromRelay: number } {
    const [tap] = this.#taps;
    return { toRelay: tap?.toRelay.total ?? 0, fromRelay: tap?.fromRelay.total ?? 0 };
  }

  linkSince(marks: { toRelay: number; fromRelay: number }): { toRelay: Buffer; fromRelay: Buffer } {
    const [tap] = this.#taps;
    return {
      toRelay: tap?.toRelay.since(marks.toRelay) ?? Buffer.alloc(0),
      fromRelay: tap?.fromRelay.since(marks.fromRelay) ?? Buffer.alloc(0),
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#programs.map((program) => program.stop()));
    for (const tap of this.#taps) tap.close();
    this.#page?.close();
  }

  #spawn(label: string, file: string, args: readonly string[]): ChildProgram {
    if (this.#stopped) throw new Error('the demo is being stopped');
    const program = new ChildProgram(label, file, args, this.#environment());
    this.#programs.push(program);
    void program.exited.then(() => {
      if (!this.#stopped) this.#fail(program.failure('ended'));
    });
    return program;
  }

  /** The demo takes nothing from the user's configuration and leaves nothing in it. */
  #environment(): NodeJS.ProcessEnv {
    const { SEALANE_RELAY: _, ...rest } = process.env;
    return {
      ...rest,
      XDG_CONFIG_HOME: join(this.#directory, 'config'),
      SEALANE_DEMO_DIRECTORY: this.#directory,
      NO_PROXY: '*',
      no_proxy: '*',
    };
  }

  #keyFile(name: string): string {
    return join(this.#directory, `${name}.json`);
  }

  async #createIdentity(name: string): Promise<string> {
    const credential = await Credential.create();
    await createKeyFile(this.#keyFile(name), credential);
    return credential.id;
  }

  #facts(): DemoFacts {
    const [dialerTap, ownerTap] = this.#taps;
    const carried = (tap: RecordingTap | undefined) =>
      tap === undefined ? 0 : tap.toRelay.total + tap.fromRelay.total;
    const last = dialerTap?.fromRelay.since(dialerTap.fromRelay.total - 240) ?? Buffer.alloc(0);
    return {
      requests: this.#page?.requests ?? 0,
      owner: this.#cast?.owner ?? '',
      dialer: this.#cast?.dialer ?? '',
      relay: this.#cast?.relay.id ?? '',
      sessions: this.#sessions,
      streams: this.#streams,
      relayBytes: { dialerLink: carried(dialerTap), ownerLink: carried(ownerTap) },
      relaySees: hexLines(last, 20),
      uptimeSeconds: Math.round((Date.now() - this.#startedMs) / 1000),
    };
  }
}
