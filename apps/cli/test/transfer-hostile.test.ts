import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { allowAny, formatAddress, parseAddress, RelayClient, type SecureConnection } from '@sealane/client';
import { blake2b, loadCrypto } from '@sealane/crypto';
import { generateAccessSecret } from '@sealane/crypto/credential';
import { stopAllProcesses } from '@sealane/testkit';
import type { SealaneError } from '@sealane/types';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatErrorLine, toSealaneError } from '../src/output/error-line.js';
import type { Reporter } from '../src/output/reporter.js';
import { FileReceiver } from '../src/transfer/file-receiver.js';
import { FileSender } from '../src/transfer/file-sender.js';
import { OfferedSessions } from '../src/transfer/offered-sessions.js';
import { openOutgoing } from '../src/transfer/outgoing-file.js';
import { Progress } from '../src/transfer/progress.js';
import { World } from './world.js';

const silent: Reporter = { json: false, event: () => undefined };

let world: World;
let number = 0;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  await loadCrypto();
  world = await World.create();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(async () => {
  await world.dispose();
  await stopAllProcesses();
});

async function inbox(): Promise<string> {
  number += 1;
  const directory = world.dialer.file(`hostile-${number}`);
  await mkdir(directory);
  return directory;
}

/** A sender by the library, which says what a test wants. */
async function hostileSender(behave: (connection: SecureConnection) => Promise<void>): Promise<string> {
  const client = await RelayClient.connect(world.relayUrl, { use: 'listen' });
  closers.push(() => client.close({ deadlineMs: 0 }));
  const accessSecret = generateAccessSecret();
  const listener = await client.listen({ alpn: ['sealane/send/1'], accessSecret, accept: allowAny() });
  void (async () => {
    for await (const connection of listener) await behave(connection);
  })().catch(() => undefined);
  return formatAddress({ ...parseAddress(listener.address), accessSecret });
}

interface Said {
  readonly metadata?: unknown;
  readonly body: Uint8Array;
  readonly checksum?: Uint8Array;
  readonly label?: string;
}

/** Says one thing about a file, sends another, and reads what the receiver answers. */
async function senderOf(said: Said): Promise<{ address: string; answers: number[] }> {
  const answers: number[] = [];
  const address = await hostileSender(async (connection) => {
    const { body, metadata = { name: 'a.txt', size: body.length, index: 0, count: 1 } } = said;
    const bytes = metadata instanceof Uint8Array ? metadata : Buffer.from(JSON.stringify(metadata));
    const stream = await connection.openStream({ label: said.label ?? 'file', metadata: bytes });
    const reading = (async () => {
      for await (const chunk of stream.readable as unknown as AsyncIterable<Uint8Array>) answers.push(...chunk);
    })();
    reading.catch(() => undefined);
    const writer = stream.writable.getWriter();
    writer.closed.catch(() => undefined);
    await writer.write(body).catch(() => undefined);
    await writer.write(said.checksum ?? blake2b(32, body)).catch(() => undefined);
    await writer.close().catch(() => undefined);
    await reading.catch(() => undefined);
    await connection.close();
  });
  return { address, answers };
}

interface Received {
  readonly code: string | undefined;
  readonly message: string;
  readonly answers: readonly number[];
  /** What is in the receiver's directory at the end. */
  readonly left: readonly string[];
}

/** The receiver's half of the program, in this process. */
async function receiveFrom(said: Said, output?: string, force = false): Promise<Received> {
  const { address, answers } = await senderOf(said);
  const directory = await inbox();
  const client = await RelayClient.connect(world.relayUrl);
  closers.push(() => client.close({ deadlineMs: 0 }));
  const connection = await client.dial(address, { alpn: ['sealane/send/1'] });
  const receiver = new FileReceiver({ output: output ?? directory, force }, silent, new Progress(silent));
  let error: SealaneError | undefined;
  try {
    await receiver.run(connection);
    await connection.close();
  } catch (thrown) {
    error = toSealaneError(thrown);
    // The other side has read why when it closes.
    await connection.closed.catch(() => undefined);
  } finally {
    await receiver.discard();
  }
  return { code: error?.code, message: formatErrorLine(error), answers, left: await readdir(directory) };
}

const body = Buffer.from('harmless');
const offer = { name: 'a.txt', size: body.length, index: 0, count: 1 };

describe('a receiver and a hostile sender', () => {
  it('agree when it is not hostile', async () => {
    const { code, left, answers } = await receiveFrom({ body });
    expect([code, left]).toEqual([undefined, ['a.txt']]);
    expect(answers).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, body.length]);
  });

  it.each([
    ['../escaped.txt'],
    ['/tmp/sealane-escaped.txt'],
    ['..'],
    [''],
    ['.bashrc'],
    ['a\u0000b'],
    ['\u001b[2J'],
    ['x'.repeat(256)],
  ])('write nothing under the name %j', async (name) => {
    const { code, message, left, answers } = await receiveFrom({ body, metadata: { ...offer, name } });
    expect([code, left]).toEqual(['ERR_TRANSFER_NAME', []]);
    expect(message).not.toContain('\u001b');
    expect(answers[0]).toBe(2);
  });

  it('end as programs do: one line with the code, exit code 1, and nothing left', async () => {
    const { address } = await senderOf({ body, metadata: { ...offer, name: '../x\u001b[2J' } });
    const directory = await inbox();
    const run = await world.dialer.run(['receive', address, '--wait', '0'], { cwd: directory });
    expect([run.code, await readdir(directory)]).toEqual([1, []]);
    expect(run.stderr).toMatch(
      /^connected .*\nerror: .* it is a path; give another with --output \(ERR_TRANSFER_NAME\)\n$/,
    );
    const { address: again } = await senderOf({ body, metadata: { ...offer, name: '../x\u001b[2J' } });
    const chosen = await world.dialer.run(['receive', again, '-o', 'chosen.txt'], { cwd: directory });
    expect([chosen.code, await readdir(directory)]).toEqual([0, ['chosen.txt']]);
    expect(chosen.stdout + chosen.stderr).not.toContain('\u001b');
  });

  it.each<[string, Said, string]>([
    ['less than was said', { body, metadata: { ...offer, size: 100 } }, 'ERR_TRANSFER_PROTOCOL'],
    ['more than was said', { body, metadata: { ...offer, size: 3 } }, 'ERR_TRANSFER_PROTOCOL'],
    ['something else than its checksum', { body, checksum: new Uint8Array(32) }, 'ERR_TRANSFER_CHECKSUM'],
    ['no whole checksum', { body: new Uint8Array(0), checksum: new Uint8Array(31) }, 'ERR_TRANSFER_PROTOCOL'],
    [
      'no size and a wrong checksum',
      { body, checksum: new Uint8Array(32), metadata: { ...offer, size: null } },
      'ERR_TRANSFER_CHECKSUM',
    ],
    ['a size that is none', { body, metadata: { ...offer, size: -1 } }, 'ERR_TRANSFER_PROTOCOL'],
    ['a size beyond every file', { body, metadata: { ...offer, size: 2 ** 60 } }, 'ERR_TRANSFER_PROTOCOL'],
    ['a name that is none', { body, metadata: { ...offer, name: 7 } }, 'ERR_TRANSFER_PROTOCOL'],
    ['a file that is none of them', { body, metadata: { ...offer, index: 1 } }, 'ERR_TRANSFER_PROTOCOL'],
    ['more fields', { body, metadata: { ...offer, path: '/etc' } }, 'ERR_TRANSFER_PROTOCOL'],
    ['no JSON', { body, metadata: Buffer.from([0xff, 0xfe]) }, 'ERR_TRANSFER_PROTOCOL'],
  ])('end with a named error and no file after %s', async (_, said, errorCode) => {
    const { code, left, answers } = await receiveFrom(said);
    expect([code, left]).toEqual([errorCode, []]);
    // The sender is told which way it failed.
    expect(answers.at(-9)).toBe(errorCode === 'ERR_TRANSFER_CHECKSUM' ? 3 : 5);
  });

  it('do not follow a link that stands where the file would go', async () => {
    const victim = world.dialer.file('victim.txt');
    await writeFile(victim, 'mine');
    const directory = await inbox();
    await symlink(victim, join(directory, 'a.txt'));
    for (const force of [false, true]) {
      await receiveFrom({ body }, directory, force);
      expect(await readFile(victim, 'utf8')).toBe('mine');
    }
    expect(await readFile(join(directory, 'a.txt'), 'utf8')).toBe('harmless');
  });

  it('part when the sender closes without a file', async () => {
    const address = await hostileSender(async (connection) => {
      await connection.close();
    });
    const client = await RelayClient.connect(world.relayUrl);
    closers.push(() => client.close({ deadlineMs: 0 }));
    const connection = await client.dial(address, { alpn: ['sealane/send/1'] });
    const receiver = new FileReceiver({ output: await inbox(), force: false }, silent, new Progress(silent));
    await expect(receiver.run(connection)).rejects.toMatchObject({ code: 'ERR_TRANSFER_PROTOCOL' });
  });
});

describe('a sender and a hostile receiver', () => {
  async function sendTo(answer: readonly number[], later?: readonly number[]): Promise<void> {
    const path = world.owner.file('sent.txt');
    await writeFile(path, 'harmless');
    const { signal } = new AbortController();
    const urls = [world.relayUrl];
    const common = { urls, ca: undefined, token: undefined, reporter: silent, signal, giveUpMs: 0 };
    const offerOptions = { ...common, alpn: 'sealane/send/1' };
    const source = await OfferedSessions.create({ ...offerOptions, mayReturn: true });
    closers.push(() => source.close());
    const sender = new FileSender(await openOutgoing([path], undefined), silent, new Progress(silent));
    const sent = source.next(signal).then((offered) => sender.run(offered));
    sent.catch(() => undefined);
    const client = await RelayClient.connect(world.relayUrl);
    closers.push(() => client.close({ deadlineMs: 0 }));
    const { address } = source;
    const connection = await client.dial(address, { alpn: ['sealane/send/1'] });
    for await (const stream of connection) {
      const writer = stream.writable.getWriter();
      writer.closed.catch(() => undefined);
      await writer.write(Uint8Array.from(answer));
      if (later !== undefined) {
        for await (const _ of stream.readable as unknown as AsyncIterable<Uint8Array>);
        await writer.write(Uint8Array.from(later)).catch(() => undefined);
      }
      writer.close().catch(() => undefined);
      break;
    }
    return sent;
  }
  const ok = (bytes: number): number[] => [0, 0, 0, 0, 0, 0, 0, 0, bytes];

  it.each<[string, readonly number[], readonly number[] | undefined, string]>([
    ['claims to have more than there is', ok(9), undefined, 'ERR_TRANSFER_PROTOCOL'],
    ['refuses for no reason', [99, 0, 0, 0, 0, 0, 0, 0, 0], undefined, 'ERR_TRANSFER_REFUSED'],
    ['says too little', [0, 0], undefined, 'ERR_TRANSFER_PROTOCOL'],
    ['claims a number that is none', [0, 255, 0, 0, 0, 0, 0, 0, 0], undefined, 'ERR_TRANSFER_PROTOCOL'],
    ['is content with less', ok(0), ok(3), 'ERR_TRANSFER_PROTOCOL'],
    ['finds another checksum', ok(0), [3, 0, 0, 0, 0, 0, 0, 0, 0], 'ERR_TRANSFER_REFUSED'],
    ['never says that it has it', ok(0), [], 'ERR_TRANSFER_PROTOCOL'],
  ])('end with a named error when it %s', async (_, answer, later, code) => {
    await expect(sendTo(answer, later)).rejects.toMatchObject({ code });
  });
});
