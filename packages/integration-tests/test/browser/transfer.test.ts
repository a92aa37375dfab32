import { createHash } from 'node:crypto';
import { allowAny, type SecureConnection, type SecureStream } from '@sealane/client';
import { describe, expect, it, type TestContext } from 'vitest';
import { exchange } from '../support/client-stack.js';
import { patternBlocks } from './page/pattern.js';
import { type BrowserStage, sharedStage } from './support/browser-stage.js';
import { next } from './support/next.js';

const start = sharedStage();

const BYTES = 50 * 1024 * 1024;
/** What the client lets wait in front of the socket, and the largest batch that goes on top of it (README, "Flow control"). */
const MAX_BUFFERED_BYTES = 131_072 + 131_072;

/** An owner in this process that sends a pattern and hashes what comes, at the same time. */
async function exchanging(on: BrowserStage, seed: number): Promise<{ address: string; received: Promise<string> }> {
  const owner = await on.node.client(on.relayUrl, { use: 'listen' });
  const listener = await owner.listen({ accept: allowAny() });
  const received = (async () => {
    const { stream } = await firstStream(listener);
    const hash = createHash('sha256');
    const sending = sendPattern(stream, seed);
    for await (const chunk of stream.readable as unknown as AsyncIterable<Uint8Array>) hash.update(chunk);
    await sending;
    return hash.digest('hex');
  })();
  return { address: listener.address, received };
}

async function sendPattern(stream: SecureStream, seed: number): Promise<void> {
  const writer = stream.writable.getWriter();
  for (const block of patternBlocks(seed, BYTES)) await writer.write(block);
  await writer.close();
}

async function firstStream(
  listener: AsyncIterable<SecureConnection>,
): Promise<{ connection: SecureConnection; stream: SecureStream }> {
  const connection = await next(listener);
  return { connection, stream: await next(connection) };
}

function sha256(seed: number): string {
  const hash = createHash('sha256');
  for (const block of patternBlocks(seed, BYTES)) hash.update(block);
  return hash.digest('hex');
}

describe('50 MB each way at once between a browser and Node', () => {
  for (const run of ['page', 'worker'] as const) {
    it(`arrive unchanged in a ${run}, and the browser's queue stays bounded`, async (test: TestContext) => {
      const on = await start(test);
      const { address, received } = await exchanging(on, 7);
      const page = await on.page(run);
      await page.connect(on.relayUrl);
      const result = await page.transfer(address, 8, BYTES);
      expect(result.receivedBytes).toBe(BYTES);
      expect(result.receivedSha256).toBe(sha256(7));
      expect(await received).toBe(sha256(8));
      expect(result.maxBufferedBytes).toBeGreaterThan(0);
      expect(result.maxBufferedBytes).toBeLessThanOrEqual(MAX_BUFFERED_BYTES);
    });
  }
});

describe('backpressure', () => {
  it('stops a page whose reader in Node does not read, and lets other streams pass', async (test) => {
    const on = await start(test);
    const owner = await on.node.client(on.relayUrl, { use: 'listen' });
    const listener = await owner.listen({ accept: allowAny() });
    const arrived = firstStream(listener);
    const page = await on.page();
    await page.connect(on.relayUrl);
    await page.writeForever(listener.address);
    const { connection, stream } = await arrived;
    // Each echo is a round trip through everything that the mute stream could fill.
    const echoing = (async () => {
      for await (const other of connection) other.readable.pipeTo(other.writable).catch(() => undefined);
    })();
    while (connection.statistics.bytesReceived < 262_144) await page.echo(listener.address, 'not yet');
    for (let round = 0; round < 20; round++) await page.echo(listener.address, `round ${round}`);
    const written = await page.written();
    expect(written).toBeGreaterThanOrEqual(262_144);
    expect(written).toBeLessThanOrEqual(262_144 + 131_072);
    stream.abort();
    expect(await page.writeError()).toBe('ERR_STREAM_CANCELLED');
    await connection.close();
    await echoing;
  });

  it('stops Node when the page does not read', async (test) => {
    const on = await start(test);
    const page = await on.page();
    await page.connect(on.relayUrl, { use: 'listen' });
    // The page sends back what it gets, and Node does not read that: the echo in the page stops reading.
    const address = await page.listenEcho();
    const client = await on.node.client(on.relayUrl);
    const mute = await client.openStream(address);
    const writer = mute.writable.getWriter();
    let written = 0;
    const writing = (async () => {
      for (;;) {
        await writer.write(new Uint8Array(65_536));
        written += 65_536;
      }
    })();
    writing.catch(() => undefined);
    const echo = async (): Promise<string> => {
      const other = await client.openStream(address);
      return Buffer.from(await exchange(other, Buffer.from('round'))).toString();
    };
    while (written < 262_144) expect(await echo()).toBe('round');
    for (let round = 0; round < 20; round++) expect(await echo()).toBe('round');
    // The page takes what its own window and queue hold of the echo. Its window for more grows to twice that at most.
    const taken = 262_144 + 131_072;
    expect(written).toBeLessThanOrEqual(taken + 2 * taken + 131_072);
    mute.abort();
    await expect(writing).rejects.toMatchObject({ code: 'ERR_STREAM_CANCELLED' });
  });
});
