import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatAddress, parseAddress } from '@sealane/client';
import { blake2b, loadCrypto } from '@sealane/crypto';
import { type ProcessEvent, startProcess, stopAllProcesses, type TestProcess } from '@sealane/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sealaneFile, type TestUser } from './programs.js';
import { World } from './world.js';

let world: World;
let number = 0;

beforeAll(async () => {
  await loadCrypto();
  world = await World.create();
});
afterEach(stopUsers);
afterAll(async () => {
  await world.dispose();
  await stopAllProcesses();
});

const started: TestProcess[] = [];
async function stopUsers(): Promise<void> {
  await Promise.all(started.splice(0).map((child) => child.kill()));
}

interface Offer {
  readonly process: TestProcess;
  readonly address: string;
}

const track = (child: TestProcess): TestProcess => {
  started.push(child);
  return child;
};

/** A command that prints a one-time address. */
async function offer(
  args: readonly string[],
  user: TestUser = world.owner,
  events: 'stdout' | 'stderr' = 'stdout',
): Promise<Offer> {
  const child = track(user.start([...args, '--relay', world.relayUrl, '--json'], { events }));
  return { process: child, address: String((await child.waitFor('offer'))['address']) };
}

function take(args: readonly string[], options: { cwd?: string; events?: 'stdout' | 'stderr' } = {}): TestProcess {
  return track(world.dialer.start([...args, '--json'], options));
}

/** A fresh directory of the receiver. */
async function inbox(): Promise<string> {
  number += 1;
  const directory = world.dialer.file(`inbox-${number}`);
  await mkdir(directory);
  return directory;
}

async function fileOf(bytes: Uint8Array, name = `file-${number}.bin`): Promise<string> {
  const path = world.owner.file(name);
  await writeFile(path, bytes);
  return path;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

const checksum = (bytes: Uint8Array): string => Buffer.from(blake2b(32, bytes)).toString('hex');
const exitOf = async (child: TestProcess): Promise<number | null> => (await child.exited).code;
const ofTransfer = (child: TestProcess): ProcessEvent[] => child.events.filter(({ event }) => event === 'transfer');

describe('send and receive', () => {
  it('carry a file to whoever has the address, and both show its BLAKE2b-256', async () => {
    const bytes = randomBytes(3_000_001);
    const { process, address } = await offer(['send', await fileOf(bytes, 'report 1.bin')]);
    const directory = await inbox();
    const receiver = take(['receive', address], { cwd: directory });
    expect([await exitOf(receiver), await exitOf(process)]).toEqual([0, 0]);
    expect(Buffer.compare(await readFile(join(directory, 'report 1.bin')), bytes)).toBe(0);
    const common = {
      event: 'transfer',
      file: 'report 1.bin',
      bytes: bytes.length,
      checksum: checksum(bytes),
      index: 0,
      count: 1,
    };
    expect(ofTransfer(process)).toEqual([{ ...common, state: 'sent' }]);
    expect(ofTransfer(receiver)).toEqual([{ ...common, state: 'received', path: join(directory, 'report 1.bin') }]);
    expect(await readdir(directory)).toEqual(['report 1.bin']);
  });

  it('carry 200 MB in constant memory', async () => {
    const path = world.owner.file('large.bin');
    const piece = randomBytes(1_000_000);
    for (let index = 0; index < 200; index += 1) {
      piece.writeUInt32BE(index);
      await appendFile(path, piece);
    }
    const { process, address } = await offer(['send', path]);
    const directory = await inbox();
    const receiver = take(['receive', address, '-o', directory]);
    const peaks = { sent: 0, received: 0 };
    const peakOf = (child: TestProcess, before: number): number => {
      try {
        return Math.max(before, child.peakMemoryBytes());
      } catch {
        return before; // it has just ended
      }
    };
    const sampler = setInterval(() => {
      peaks.sent = peakOf(process, peaks.sent);
      peaks.received = peakOf(receiver, peaks.received);
    }, 50);
    const codes = [await exitOf(receiver), await exitOf(process)];
    clearInterval(sampler);
    expect(codes).toEqual([0, 0]);
    expect(await sha256(join(directory, 'large.bin'))).toBe(await sha256(path));
    // Measured at all, and far below the file, whatever a Node release takes for itself.
    expect(Math.min(peaks.sent, peaks.received)).toBeGreaterThan(30_000_000);
    expect(peaks.sent).toBeLessThan(190_000_000);
    expect(peaks.received).toBeLessThan(190_000_000);
  }, 120_000);

  it('carry several files, empty ones among them, in order', async () => {
    const contents = [randomBytes(100_000), Buffer.alloc(0), Buffer.from('x')];
    const paths = await Promise.all(contents.map((bytes, index) => fileOf(bytes, `several-${index}`)));
    const { process, address } = await offer(['send', ...paths]);
    const directory = await inbox();
    const receiver = take(['receive', address, '-o', directory]);
    expect([await exitOf(receiver), await exitOf(process)]).toEqual([0, 0]);
    for (const [index, bytes] of contents.entries()) {
      expect(Buffer.compare(await readFile(join(directory, `several-${index}`)), bytes)).toBe(0);
    }
    expect(ofTransfer(process).map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  it('the other way round: the receiver prints the address', async () => {
    const bytes = randomBytes(500_000);
    const directory = await inbox();
    const { process, address } = await offer(['receive', '-o', directory], world.dialer);
    const sender = track(world.owner.start(['send', await fileOf(bytes, 'back.bin'), '--to', address, '--json']));
    expect([await exitOf(sender), await exitOf(process)]).toEqual([0, 0]);
    expect(Buffer.compare(await readFile(join(directory, 'back.bin')), bytes)).toBe(0);
  });

  it('from a pipe to a pipe: --name names it, and -o - writes payload alone to standard output', async () => {
    const bytes = randomBytes(300_000);
    const sender = await offer(['send', '-', '--name', 'piped.tar']);
    sender.process.child.stdin?.end(bytes);
    const receiver = track(world.dialer.start(['receive', sender.address, '-o', '-', '--json'], { events: 'stderr' }));
    const output: Buffer[] = [];
    receiver.child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
    expect([await exitOf(receiver), await exitOf(sender.process)]).toEqual([0, 0]);
    expect(Buffer.compare(Buffer.concat(output), bytes)).toBe(0);
    expect(ofTransfer(receiver)).toMatchObject([{ file: 'piped.tar', path: '-', checksum: checksum(bytes) }]);
  });

  it('never overwrite without --force, and the sender hears why', async () => {
    const directory = await inbox();
    await writeFile(join(directory, 'there.txt'), 'old');
    const path = await fileOf(Buffer.from('new'), 'there.txt');
    const first = await offer(['send', path]);
    const refused = take(['receive', first.address, '-o', directory]);
    expect([await exitOf(refused), await exitOf(first.process)]).toEqual([1, 1]);
    expect(refused.stderr).toMatch(/is there already.*\(ERR_FILE_EXISTS\)/);
    expect(first.process.stderr).toMatch(/it has a file of this name \(ERR_TRANSFER_REFUSED\)/);
    expect(await readFile(join(directory, 'there.txt'), 'utf8')).toBe('old');
    const second = await offer(['send', path]);
    expect(await exitOf(take(['receive', second.address, '-o', directory, '--force']))).toBe(0);
    expect(await readFile(join(directory, 'there.txt'), 'utf8')).toBe('new');
    expect(await readdir(directory)).toEqual(['there.txt']);
  });

  it('a directory is refused with the way to send it', async () => {
    const sent = await world.owner.run(['send', world.owner.directory, '--relay', world.relayUrl]);
    expect(sent.code).toBe(2);
    expect(sent.stderr).toMatch(/is a directory; send an archive of it: tar c .* \| sealane send - --name/);
  });
});

describe('a one-time address', () => {
  it('lets nobody in with another secret, and is not used up by it', async () => {
    const { process, address } = await offer(['send', await fileOf(Buffer.from('mine'), 'secret.txt')]);
    const wrong = formatAddress({ ...parseAddress(address), accessSecret: new Uint8Array(32).fill(1) });
    const directory = await inbox();
    const stranger = take(['receive', wrong, '-o', directory]);
    expect(await exitOf(stranger)).toBe(1);
    expect(stranger.stderr).toMatch(/the secret in the address is not the right one.*\(ERR_E2EE_DAMAGED\)/);
    expect(process.hasExited).toBe(false);
    expect(await exitOf(take(['receive', address, '-o', directory]))).toBe(0);
    expect(await exitOf(process)).toBe(0);
  });

  it('without its secret is none, and no message repeats it', async () => {
    const { address } = await offer(['send', await fileOf(Buffer.from('mine'), 'cut.txt')]);
    const secret = address.slice(address.indexOf('#1:') + 3);
    const cut = await world.dialer.run(['receive', address.slice(0, address.indexOf('#1:'))]);
    expect([cut.code, cut.stderr]).toEqual([2, expect.stringContaining('is not a one-time address')]);
    const mistyped = await world.dialer.run(['receive', `${address.slice(0, -4)}aaaa`]);
    expect([mistyped.code, mistyped.stderr]).toEqual([2, expect.stringContaining('typing mistake')]);
    expect(mistyped.stderr + mistyped.stdout).not.toContain(secret.slice(0, 20));
    expect(world.relay.stdout).not.toContain(secret.slice(0, 20));
  });

  it('is for one receiver: a second one is refused while the first one has it, and after', async () => {
    const { process, address } = await offer(['send', '-']);
    const directory = await inbox();
    const first = take(['receive', address, '-o', directory]);
    await first.waitFor('connected');
    await process.waitFor('connected');
    const during = take(['receive', address, '-o', await inbox()]);
    expect(await exitOf(during)).toBe(1);
    expect(during.stderr).toMatch(/used already; connection [0-9a-f]{32} \(ERR_E2EE_DENIED\)/);
    process.child.stdin?.end('for the first alone');
    expect([await exitOf(first), await exitOf(process)]).toEqual([0, 0]);
    expect(await readFile(join(directory, 'stdin'), 'utf8')).toBe('for the first alone');
    const after = take(['receive', address, '-o', await inbox()]);
    expect(await exitOf(after)).toBe(1);
    expect(after.stderr).toMatch(/nobody waits at this address.*\(ERR_RELAY_NO_OWNER\)/);
  });

  it('of another command is refused with a word about it', async () => {
    const { process, address } = await offer(['send', await fileOf(Buffer.from('x'), 'x.txt')]);
    const joined = track(world.dialer.start(['cat', address], { events: 'none' }));
    expect(await exitOf(joined)).toBe(1);
    expect(joined.stderr).toMatch(/printed for another command.*\(ERR_E2EE_NO_ALPN\)/);
    expect(process.hasExited).toBe(false);
  });
});

describe('an interrupted transfer', () => {
  /** A sender from a pipe that has sent `bytes` and goes on only when told. */
  async function halfSent(bytes: number, args: readonly string[] = []) {
    const sender = await offer(['send', '-', '--wait', '0']);
    const directory = await inbox();
    const receiver = take(['receive', sender.address, '-o', directory, '--wait', '0', ...args]);
    sender.process.child.stdin?.write(randomBytes(bytes));
    await receiver.waitFor('connected');
    // The hidden part file shows that bytes have arrived.
    for (;;) {
      const part = (await readdir(directory)).find((name) => name.endsWith('.part'));
      if (part !== undefined && (await readFile(join(directory, part))).length > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return { sender: sender.process, receiver, directory };
  }

  it.each(['SIGINT'] as const)(
    'stopped by %s at the receiver leaves nothing there, and the sender is told',
    async (signal) => {
      const { sender, receiver, directory } = await halfSent(500_000);
      receiver.signal(signal);
      expect([await exitOf(receiver), await exitOf(sender)]).toEqual([1, 1]);
      expect(receiver.stderr).toMatch(/stopped before the end; the other side was told \(ERR_ABORTED\)/);
      expect(sender.stderr).toMatch(/\(ERR_E2EE_ABORTED\)|\(ERR_STREAM_CANCELLED\)/);
      expect(await readdir(directory)).toEqual([]);
    },
  );

  it('stopped by SIGINT at the sender is an error at the receiver, never a short file', async () => {
    const { sender, receiver, directory } = await halfSent(500_000);
    sender.signal('SIGINT');
    expect([await exitOf(sender), await exitOf(receiver)]).toEqual([1, 1]);
    expect(receiver.stderr).toMatch(/\(ERR_E2EE_ABORTED\)|\(ERR_STREAM_CANCELLED\)/);
    expect(await readdir(directory)).toEqual([]);
  });

  it('by a killed sender is an error at the receiver, never a short file', async () => {
    const { sender, receiver, directory } = await halfSent(500_000);
    await sender.kill();
    expect(await exitOf(receiver)).toBe(1);
    expect(receiver.stderr).toMatch(/\(ERR_E2EE_TRUNCATED\)/);
    expect(await readdir(directory)).toEqual([]);
  });

  it('by a killed receiver is an error at the sender', async () => {
    const { sender, receiver } = await halfSent(500_000);
    await receiver.kill();
    expect(await exitOf(sender)).toBe(1);
    expect(sender.stderr).toMatch(/\(ERR_E2EE_TRUNCATED\)/);
  });

  it('by the end of the relay goes on where it stood when the relay is back, and arrives whole, in the same session', async () => {
    const bytes = randomBytes(60_000_000);
    const path = await fileOf(bytes, 'resumed.bin');
    const { process, address } = await offer(['send', path]);
    // Nobody reads its output, so it cannot be done before the relay ends.
    const receiver = track(world.dialer.start(['receive', address, '-o', '-', '--json'], { events: 'stderr' }));
    await receiver.waitFor('connected');
    const output = receiver.child.stdout!;
    await new Promise((resolve) => output.once('readable', resolve));
    await world.killRelay();
    await receiver.waitFor('session', ({ state }) => state === 'interrupted');
    await world.restartRelay();
    const chunks: Buffer[] = [];
    output.on('data', (chunk: Buffer) => chunks.push(chunk));
    expect([await exitOf(receiver), await exitOf(process)]).toEqual([0, 0]);
    expect(Buffer.compare(Buffer.concat(chunks), bytes)).toBe(0);
    expect(ofTransfer(process)).toMatchObject([{ bytes: bytes.length, checksum: checksum(bytes) }]);
    expect(receiver.events.filter(({ event }) => event === 'connected')).toHaveLength(1);
    expect(await receiver.waitFor('session', ({ state }) => state === 'resumed')).toBeDefined();
  }, 90_000);
});

describe('cat', () => {
  async function pair(args: readonly string[] = []) {
    const first = await offer(['cat', ...args], world.owner, 'stderr');
    const second = take(['cat', first.address, ...args], { events: 'stderr' });
    const collect = (child: TestProcess): { bytes: () => Buffer; ended: Promise<void> } => {
      const chunks: Buffer[] = [];
      child.child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
      return {
        bytes: () => Buffer.concat(chunks),
        ended: new Promise((resolve) => child.child.stdout?.once('end', () => resolve())),
      };
    };
    return { first: first.process, second, firstOut: collect(first.process), secondOut: collect(second) };
  }

  it('carries any bytes both ways, and the end of one direction does not end the other', async () => {
    const { first, second, firstOut, secondOut } = await pair();
    const [there, back] = [randomBytes(2_000_000), randomBytes(1_500_000)];
    first.child.stdin?.end(there);
    await secondOut.ended;
    expect(Buffer.compare(secondOut.bytes(), there)).toBe(0);
    expect([first.hasExited, second.hasExited]).toEqual([false, false]);
    second.child.stdin?.end(back);
    expect([await exitOf(second), await exitOf(first)]).toEqual([0, 0]);
    expect(Buffer.compare(firstOut.bytes(), back)).toBe(0);
  });

  it('holds the sender back while nobody reads', async () => {
    const { first, second } = await pair();
    second.child.stdout?.pause();
    const stdin = first.child.stdin!;
    let taken = 0;
    const chunk = randomBytes(1_000_000);
    const pump = (): void => {
      while (taken < 200_000_000) {
        taken += chunk.length;
        if (!stdin.write(chunk)) {
          stdin.once('drain', pump);
          return;
        }
      }
    };
    pump();
    await first.waitFor('connected');
    let before = -1;
    while (before !== taken) {
      before = taken;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    expect(taken).toBeLessThan(60_000_000);
    expect(first.residentBytes()).toBeLessThan(300_000_000);
    expect(second.residentBytes()).toBeLessThan(300_000_000);
  });

  it.each(['SIGINT', 'SIGKILL'] as const)(
    'is an error at the other side after %s, never an end of file',
    async (signal) => {
      // Nobody can tell a killed program from one that may come back.
      const { first, second, secondOut } = await pair(['--resume', '2']);
      first.child.stdin?.write('begun');
      await second.waitFor('connected');
      while (secondOut.bytes().length < 5) await new Promise((resolve) => setTimeout(resolve, 10));
      first.signal(signal);
      expect(await exitOf(second)).toBe(1);
      expect(second.stderr).toMatch(/\(ERR_E2EE_(ABORTED|TRUNCATED)\)|\(ERR_STREAM_CANCELLED\)/);
      expect(secondOut.bytes().toString()).toBe('begun');
      if (signal === 'SIGINT') expect(await exitOf(first)).toBe(1);
    },
  );
});

it('people see one command to copy, and no progress where there is no terminal', async () => {
  const child = track(
    startProcess(sealaneFile, ['send', await fileOf(Buffer.from('hello'), 'people.txt'), '--relay', world.relayUrl], {
      env: world.owner.env,
      events: 'none',
    }),
  );
  let text = '';
  child.child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  while (!text.includes("'\n")) await new Promise((resolve) => setTimeout(resolve, 20));
  const [, address] = /sealane receive '(sealane:\/\/[^']+)'/.exec(text) ?? [];
  const received = await world.dialer.run(['receive', String(address), '-o', await inbox()]);
  expect([received.code, received.stderr]).toEqual([
    0,
    expect.stringMatching(/^connected {2}[a-z2-7]{56} {2}connection [0-9a-f]{32}\n$/),
  ]);
  expect(received.stdout).toMatch(/^received .*people\.txt {2}5 B {2}blake2b-256 [0-9a-f]{64}\n$/);
  expect(await exitOf(child)).toBe(0);
  expect(child.stderr).not.toContain('\r');
});
