import { allowAny, type SecureConnection, type SecureStream } from '@sealane/client';
import { isSealaneError } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { type BrowserStage, type RemotePage, sharedStage } from './support/browser-stage.js';
import { next } from './support/next.js';

const start = sharedStage();

/** A page that went is told of after a second instead of a minute. */
const soon = { resumption: { giveUpMs: 1_000 } };

interface Meeting {
  readonly page: RemotePage;
  readonly connection: SecureConnection;
  readonly stream: SecureStream;
}

/** A page that writes without end to an owner in this process. */
async function meet(on: BrowserStage, run: 'page' | 'worker'): Promise<Meeting> {
  const owner = await on.node.client(on.relayUrl, { use: 'listen', ...soon });
  const listener = await owner.listen({ accept: allowAny() });
  const page = await on.page(run);
  await page.connect(on.relayUrl);
  await page.writeForever(listener.address);
  const connection = await next(listener);
  return { page, connection, stream: await next(connection) };
}

/** Reads until the stream ends: how it does. */
async function ending(stream: SecureStream): Promise<string> {
  try {
    for await (const _ of stream.readable as unknown as AsyncIterable<Uint8Array>);
    return 'a clean end';
  } catch (error) {
    return isSealaneError(error) ? error.code : String(error);
  }
}

const leave: readonly (readonly [string, (page: RemotePage) => Promise<unknown>])[] = [
  ['is closed', ({ page }) => page.close()],
  ['is loaded again', ({ page }) => page.reload()],
  ['goes to another address', ({ page }) => page.goto('about:blank')],
];

describe('the peer of a page', () => {
  for (const [how, act] of leave) {
    it(`that ${how} sees a truncation, never a clean end`, async (test) => {
      const { page, connection, stream } = await meet(await start(test), 'page');
      const ended = ending(stream);
      await act(page);
      expect(await ended).toBe('ERR_E2EE_TRUNCATED');
      await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_E2EE_TRUNCATED' });
    });
  }

  it('that is closed sees a truncation of what its worker sent, too', async (test) => {
    const { page, stream } = await meet(await start(test), 'worker');
    const ended = ending(stream);
    await page.page.close();
    expect(await ended).toBe('ERR_E2EE_TRUNCATED');
  });

  it('that closes its client in order sees the end of the session in order', async (test) => {
    const on = await start(test);
    const page = await on.page();
    await page.connect(on.relayUrl, { use: 'listen' });
    const address = await page.listenEcho();
    const connection = await (await on.node.client(on.relayUrl)).dial(address);
    await page.close();
    await expect(connection.closed).resolves.toBeUndefined();
  });

  it('that listened and was closed is told that nobody is there', async (test) => {
    const on = await start(test);
    const page = await on.page();
    await page.connect(on.relayUrl, { use: 'listen' });
    const address = await page.listenEcho();
    const dialer = await on.node.client(on.relayUrl, soon);
    const connection = await dialer.dial(address);
    await page.page.close();
    await expect(connection.closed).rejects.toMatchObject({ code: 'ERR_E2EE_TRUNCATED' });
    await expect(dialer.dial(address)).rejects.toMatchObject({ code: 'ERR_RELAY_NO_OWNER' });
  });
});
