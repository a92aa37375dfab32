import { readlinkSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess, seededRandom, startProcess, stopAllProcesses, type TestProcess } from '@sealane/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostileClient } from './hostile-client.js';
import { RawClient } from './raw-client.js';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-relay-'));
});

afterEach(async () => {
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

interface Running {
  readonly relay: TestProcess;
  readonly url: string;
  readonly id: string;
  readonly port: number;
}

async function start(...args: string[]): Promise<Running> {
  const relay = startProcess(program, ['--listen', '127.0.0.1:0', '--data-dir', directory, '--json', ...args]);
  const { url, id } = await relay.waitFor('listening');
  return { relay, url: String(url), id: String(id), port: Number(new URL(String(url)).port) };
}

/** The size of the relay's first message, HELLO, to a new client. */
async function greeting(port: number): Promise<number> {
  const client = RawClient.open(port);
  const bytes = await client.greeting();
  client.socket.destroy();
  return bytes;
}

describe('sealane-relay', () => {
  it('says where it listens in its first line, exactly, and greets there', async () => {
    const { relay, url, id, port } = await start();
    expect(relay.stdout.split('\n')[0]).toBe(JSON.stringify({ event: 'listening', url, id }));
    expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    expect(id).toMatch(/^[a-z2-7]{56}$/);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await greeting(port)).toBeGreaterThan(200);
  });

  it('listens on IPv6, for people too', async () => {
    const relay = startProcess(program, ['--listen', '[::1]:0', '--data-dir', directory], { events: 'none' });
    await expect
      .poll(() => relay.stdout, { timeout: 10_000 })
      .toMatch(/^relay ws:\/\/\[::1\]:\d+\nid {4}[a-z2-7]{56}\npin /);
    const exit = await relay.stop();
    expect(exit).toEqual({ code: 0, signal: null });
  });

  it('is the same relay again after a SIGKILL, and refuses a second one on its directory', async () => {
    const first = await start();
    const second = await runProcess(program, ['--listen', '127.0.0.1:0', '--data-dir', directory]);
    expect([second.code, second.stderr]).toEqual([
      1,
      'error: another relay uses this data directory; stop it or use another one (ERR_DATA_DIR_LOCKED)\n',
    ]);
    await first.relay.kill();
    const again = await start();
    expect(again.id).toBe(first.id);
  });

  it('refuses an address that others reach unless --open says so', async () => {
    const refused = await runProcess(program, ['--listen', '0.0.0.0:0', '--data-dir', directory]);
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toMatch(/^error: [^\n]*--open[^\n]* \(ERR_NOT_LOOPBACK\)\n$/);
    const relay = startProcess(program, ['--listen', '0.0.0.0:0', '--data-dir', directory, '--json', '--open']);
    expect((await relay.waitFor('listening'))['url']).toMatch(/^ws:\/\/0\.0\.0\.0:\d+$/);
  });

  it('says one line and the right exit code for each mistake', async () => {
    const { port } = await start();
    const cases: readonly (readonly [string[], number, RegExp])[] = [
      [[], 2, /ERR_ARGUMENT/],
      [['--listen', 'nonsense', '--data-dir', directory], 2, /ERR_ARGUMENT/],
      [['--listen', '127.0.0.1:0', '--data-dir', directory, '--nonsense'], 2, /ERR_ARGUMENT/],
      [['--listen', '127.0.0.1:0', '--data-dir', directory, '--drain', 'x'], 2, /ERR_ARGUMENT/],
      [['--listen', '127.0.0.1:0', '--data-dir', ''], 2, /ERR_ARGUMENT/],
      [['--listen', '127.0.0.1:0', '--data-dir', program], 1, /ERR_DATA_DIR\)/],
      [['--listen', `127.0.0.1:${port}`, '--data-dir', join(directory, 'other')], 1, /ERR_LISTEN/],
      [
        ['--listen', '127.0.0.1:0', '--data-dir', join(directory, 'other'), '--authority', 'no port'],
        2,
        /ERR_ARGUMENT/,
      ],
    ];
    for (const [args, code, text] of cases) {
      const exit = await runProcess(program, args);
      expect([args, exit.code, exit.stdout]).toEqual([args, code, '']);
      expect(exit.stderr).toMatch(/^error: [^\n]+ \(ERR_[A-Z_]+\)\n$/);
      expect(exit.stderr).toMatch(text);
    }
    const debug = await runProcess(program, ['--listen', '0.0.0.0:0', '--data-dir', directory, '--debug']);
    expect(debug.stderr).toMatch(/\n {4}at /);
  });

  it('helps with examples and tells its version', async () => {
    const help = await runProcess(program, ['--help']);
    expect([help.code, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toMatch(/Examples:\n {2}\$ sealane-relay --listen/);
    const version = await runProcess(program, ['--version']);
    expect([version.code, version.stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops cleanly on %s and tells its links', async (signal) => {
    const { relay, port } = await start();
    const client = RawClient.open(port);
    await client.greeting();
    expect(await relay.stop(signal)).toEqual({ code: 0, signal: null });
    await client.closed;
    expect(client.closeCode).toBe(1001);
    expect(relay.stderr).toBe('');
  });

  it('stops within 2 s also when a client does not answer its goodbye', async () => {
    const { relay, port } = await start();
    const client = RawClient.open(port);
    await client.greeting();
    client.socket.pause();
    const startMs = performance.now();
    expect(await relay.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });

  it('drains after a signal while sessions go on, and stops at once on a second one', async () => {
    const { relay, url } = await start('--drain', '60');
    const owner = await HostileClient.connect(url);
    await owner.register({});
    owner.acceptsAll = true;
    const dialer = await HostileClient.connect(url);
    dialer.openTo(owner);
    await relay.waitFor('session-open');
    process.kill(relay.pid, 'SIGTERM');
    await relay.waitFor('stopping');
    await dialer.roundTrip();
    expect([relay.hasExited, dialer.isClosed, owner.isClosed]).toEqual([false, false, false]);
    const startMs = performance.now();
    process.kill(relay.pid, 'SIGINT');
    expect(await relay.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - startMs).toBeLessThan(1_000);
    // The lock it leaves behind is harmless.
    await start();
  });

  it('ends a drain when the last session has ended', async () => {
    const { relay, url } = await start('--drain', '60');
    const owner = await HostileClient.connect(url);
    await owner.register({});
    owner.acceptsAll = true;
    const dialer = await HostileClient.connect(url);
    dialer.openTo(owner);
    await relay.waitFor('session-open');
    process.kill(relay.pid, 'SIGTERM');
    await relay.waitFor('stopping');
    dialer.close();
    expect(await relay.exited).toEqual({ code: 0, signal: null });
    expect(relay.stdout).toContain('session-close');
  });

  it('goes on when nobody reads its output any more', async () => {
    const { relay, url, port } = await start();
    relay.child.stdout?.destroy();
    relay.child.stderr?.destroy();
    for (let i = 0; i < 3; i++) {
      // A refusal each, which is a line that cannot be written.
      await fetch(url.replace('ws:', 'http:'));
      await new Promise((resolve) => setTimeout(resolve, 1_100));
    }
    expect(await greeting(port)).toBeGreaterThan(200);
  });

  it('serves on under half-open sockets and nonsense, in less than 160 MiB', async () => {
    const { relay, port } = await start();
    const random = seededRandom(42);
    const sockets: Socket[] = [];
    const open = (): Socket => {
      const socket = connectTcp({ host: '127.0.0.1', port });
      socket.on('error', () => socket.destroy());
      sockets.push(socket);
      return socket;
    };
    for (let i = 0; i < 400; i++) open();
    for (let i = 0; i < 100; i++) open().write('GET / HTTP/1.1\r\nX: ');
    for (let i = 0; i < 100; i++) open().write(random(4_096));
    const clients = Array.from({ length: 200 }, () => RawClient.open(port));
    for (const [index, client] of clients.entries()) {
      await client.greeting();
      client.send(random(index * 1_000));
    }
    // Each gets its answer, and those that sent more than an AUTH lose their socket.
    await Promise.all(clients.slice(10).map((client) => client.closed));
    expect(await greeting(port)).toBeGreaterThan(200);
    expect(relay.peakMemoryBytes()).toBeLessThan(160 << 20);
    for (const socket of sockets) socket.destroy();
    for (const client of clients) client.socket.destroy();
  });

  it('goes on when its output is a full disk', async () => {
    const relay = startProcess(
      '-c',
      [
        `exec "$0" "$@" 2>/dev/full`,
        process.execPath,
        program,
        ...['--listen', '127.0.0.1:0', '--data-dir', directory],
      ],
      { command: '/bin/sh', events: 'none' },
    );
    await expect.poll(() => relay.stdout, { timeout: 10_000 }).toMatch(/^relay ws:/);
    const full = startProcess(
      '-c',
      [
        `exec "$0" "$@" >/dev/full`,
        process.execPath,
        program,
        ...['--listen', '127.0.0.1:0', '--data-dir', join(directory, 'other')],
      ],
      { command: '/bin/sh', events: 'none' },
    );
    const port = await listeningPort(full.pid);
    for (let round = 0; round < 2; round++) {
      expect((await fetch(`http://127.0.0.1:${port}`)).status).toBe(426);
      // The refusal is told after a second.
      await new Promise((resolve) => setTimeout(resolve, 1_100));
    }
    expect(await greeting(port)).toBeGreaterThan(200);
    expect([relay.hasExited, full.hasExited]).toEqual([false, false]);
  });

  it('lets a client in while strangers hold all that it may open, and after them', async () => {
    const script = `ulimit -n 64; exec "$0" "$@"`;
    const args = ['--listen', '127.0.0.1:0', '--data-dir', directory, '--json'];
    const relay = startProcess('-c', [script, process.execPath, program, ...args], { command: '/bin/sh' });
    const { url } = await relay.waitFor('listening');
    await relay.waitFor('warning', ({ code }) => code === 'OPEN_FILES');
    const port = Number(new URL(String(url)).port);
    const sockets = Array.from({ length: 150 }, () => connectTcp({ host: '127.0.0.1', port }));
    await Promise.all(
      sockets.map((socket) => {
        socket.on('error', () => socket.destroy());
        return new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
      }),
    );
    // It came after all of them, so it is not the one that goes.
    expect(await greeting(port)).toBeGreaterThan(200);
    for (const socket of sockets) socket.destroy();
    expect(await greeting(port)).toBeGreaterThan(200);
    expect([relay.hasExited, relay.stderr]).toEqual([false, '']);
  });
});

/** The one port that a process listens on, for one that cannot say it. Linux only. */
async function listeningPort(pid: number): Promise<number> {
  for (;;) {
    const own = new Set(
      (await readdir(`/proc/${pid}/fd`)).map((fd) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${fd}`);
        } catch {
          return '';
        }
      }),
    );
    for (const line of (await readFile('/proc/net/tcp', 'utf8')).split('\n')) {
      const match = /^\s*\d+: 0100007F:([0-9A-F]{4}) \S+ 0A \S+ \S+ \S+\s+\d+\s+\d+ (\d+) /.exec(line);
      if (match !== null && own.has(`socket:[${match[2]}]`)) return Number.parseInt(match[1] ?? '', 16);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
