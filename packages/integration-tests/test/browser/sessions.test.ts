import { describe, expect, it } from 'vitest';
import { exchange } from '../support/client-stack.js';
import { type BrowserStage, type RemotePage, sharedStage } from './support/browser-stage.js';

const start = sharedStage();

/** A client of this process says something to `address` and hears it again. */
async function echoFromNode(on: BrowserStage, address: string, text: string): Promise<string> {
  const client = await on.node.client(on.relayUrl);
  const stream = await client.openStream(address);
  const answer = await exchange(stream, Buffer.from(text));
  await stream.finished;
  return Buffer.from(answer).toString();
}

async function listening(page: RemotePage, relayUrl: string): Promise<string> {
  await page.connect(relayUrl, { use: 'listen' });
  return await page.listenEcho();
}

async function dialing(page: RemotePage, relayUrl: string): Promise<RemotePage> {
  await page.connect(relayUrl);
  return page;
}

describe('a page under a strict Content-Security-Policy', () => {
  it('dials Node, is dialed by Node, and by another page', async (test) => {
    const on = await start(test);
    const { listener } = await on.node.echoOwner(on.relayUrl);
    const [one, two] = [await on.page(), await on.page()];
    const address = await listening(one, on.relayUrl);
    await dialing(two, on.relayUrl);
    expect(await echoFromNode(on, address, 'from Node')).toBe('from Node');
    expect(await two.echo(listener.address, 'to Node')).toBe('to Node');
    expect(await two.echo(address, 'from page to page')).toBe('from page to page');
    expect(await one.echo(address, 'to itself')).toBe('to itself');
  });

  it('does the same in a worker and in a shared worker', async (test) => {
    const on = await start(test);
    const [worker, shared] = [await on.page('worker'), await on.page('shared-worker')];
    const addresses = [await listening(worker, on.relayUrl), await listening(shared, on.relayUrl)];
    for (const address of addresses) expect(await echoFromNode(on, address, 'hello worker')).toBe('hello worker');
    expect(await worker.echo(addresses[1]!, 'worker to worker')).toBe('worker to worker');
  });

  it("without 'wasm-unsafe-eval' gets an error that says so", async (test) => {
    const on = await start(test);
    const page = await on.page('page', '/no-wasm');
    await expect(page.connect(on.relayUrl)).rejects.toThrow(
      /ERR_CRYPTO_UNAVAILABLE: .*'wasm-unsafe-eval'.*script-src.*Content-Security-Policy/,
    );
  });

  it('gets a typed error where connect-src forbids the relay, and where nobody listens', async (test) => {
    const on = await start(test);
    const page = await on.page();
    await expect(page.connect('ws://127.0.0.2:9')).rejects.toThrow(/ERR_LINK_FAILED: .*connect-src/);
    await expect(page.connect('ws://127.0.0.1:9')).rejects.toThrow(/ERR_LINK_FAILED: /);
  });
});
