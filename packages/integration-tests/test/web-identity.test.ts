import { loadCrypto } from '@sealane/crypto';
import { WebCredential } from '@sealane/crypto/web-credential';
import { Suite } from '@sealane/types';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { ClientStack } from './support/client-stack.js';

beforeAll(loadCrypto);

const stack = new ClientStack();
afterEach(() => stack.close());

/** An identity whose keys are the platform's, as a browser has it: every agreement takes a turn of the event loop. */
async function dialer(url: string) {
  return await stack.client(url, { credential: await WebCredential.create() });
}

test('a refusal reaches a dialer with keys of the platform, although the end of the path follows it at once', async () => {
  const { url } = await stack.relay();
  const { listener } = await stack.echoOwner(url, { accept: () => ({ deny: 'not today' }), alpn: ['a/1'] });
  const client = await dialer(url);
  await expect(client.dial(listener.address, { alpn: ['a/1'] })).rejects.toMatchObject({
    code: 'ERR_E2EE_DENIED',
    message: expect.stringContaining('not today'),
  });
});

test('an owner without a common ALPN, and one that asks for another suite, are heard by such a dialer', async () => {
  const { url } = await stack.relay();
  const { listener } = await stack.echoOwner(url, { alpn: ['a/1'], suites: [Suite.CLASSICAL] });
  const client = await dialer(url);
  const suites = [Suite.HYBRID, Suite.CLASSICAL];
  await expect(client.dial(listener.address, { alpn: ['b/1'], suites })).rejects.toMatchObject({
    code: 'ERR_E2EE_NO_ALPN',
  });
  expect((await client.dial(listener.address, { alpn: ['a/1'], suites })).suite).toBe(Suite.CLASSICAL);
});
