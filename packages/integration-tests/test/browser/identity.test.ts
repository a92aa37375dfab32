import { allowAny, allowIds, type Listener, MemoryKeycertStore } from '@sealane/client';
import { Credential } from '@sealane/crypto/credential';
import { describe, expect, it } from 'vitest';
import { exchange } from '../support/client-stack.js';
import { type BrowserStage, type RemotePage, sharedStage } from './support/browser-stage.js';
import { next } from './support/next.js';

const start = sharedStage();

/** Takes Ed25519 away from the pages' WebCrypto, as older browsers lack it. */
async function withoutEd25519(page: RemotePage): Promise<void> {
  await page.page.evaluate(() => {
    const { subtle } = crypto;
    const generate = subtle.generateKey.bind(subtle) as (algorithm: unknown, ...rest: unknown[]) => Promise<unknown>;
    Object.defineProperty(subtle, 'generateKey', {
      value: (algorithm: unknown, ...rest: unknown[]) =>
        algorithm === 'Ed25519'
          ? Promise.reject(new DOMException('Unrecognized name.', 'NotSupportedError'))
          : generate(algorithm, ...rest),
    });
  });
}

interface StoredKey {
  readonly extractable: boolean;
  readonly usages: readonly string[];
  readonly exported: readonly string[];
}

/** Every CryptoKey in the database, and what came of the attempts to read it. */
function storedKeys(page: RemotePage): Promise<{ keys: StoredKey[]; hasSeed: boolean }> {
  return page.page.evaluate(async () => {
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open('sealane');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const all = await new Promise<unknown>((resolve) => {
      const request = database.transaction('identities').objectStore('identities').getAll();
      request.onsuccess = () => resolve(request.result);
    });
    database.close();
    const keys: { extractable: boolean; usages: string[]; exported: string[] }[] = [];
    const texts: string[] = [];
    const visit = async (value: unknown): Promise<void> => {
      if (value instanceof CryptoKey) {
        const formats = ['raw', 'pkcs8', 'jwk'] as const;
        const exported = await Promise.all(
          formats.map((format) => crypto.subtle.exportKey(format as 'raw', value).then(String, (e) => String(e.name))),
        );
        keys.push({ extractable: value.extractable, usages: [...value.usages], exported });
      } else if (value instanceof Uint8Array) texts.push(new TextDecoder().decode(value));
      else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) await visit(part);
    };
    await visit(all);
    return { keys, hasSeed: texts.some((text) => text.includes('seed')) };
  });
}

async function echoThrough(on: BrowserStage, address: string): Promise<string> {
  const stream = await (await on.node.client(on.relayUrl)).openStream(address);
  return Buffer.from(await exchange(stream, Buffer.from('hello'))).toString();
}

describe('the identity of a browser', () => {
  it('stays over reload, other tabs, workers and a restart of the browser, and is none of another name', async (test) => {
    const on = await start(test);
    const first = await on.page();
    const { id, protection } = await first.openIdentity();
    expect(protection).toBe('non-extractable');
    await first.page.reload();
    expect((await first.openIdentity()).id).toBe(id);
    expect((await (await on.page()).openIdentity()).id).toBe(id);
    expect((await (await on.page('worker')).openIdentity()).id).toBe(id);
    expect((await first.openIdentity('another')).id).not.toBe(id);
    await on.restartBrowser();
    expect(await (await on.page()).openIdentity()).toEqual({ id, epoch: 1, protection });
  });

  it('is one, however many tabs make it at the same time', async (test) => {
    const on = await start(test);
    const pages = [await on.page(), await on.page(), await on.page('worker'), await on.page('worker')];
    const opened = await Promise.all(pages.flatMap((page) => [page.openIdentity(), page.openIdentity()]));
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
  });

  it('is what an owner lets in by id, and what a dialer finds again, with keys that no script can read', async (test) => {
    const on = await start(test);
    const page = await on.page();
    const { id } = await page.openIdentity();
    const { listener } = await on.node.echoOwner(on.relayUrl, { accept: allowIds([id]) });
    await page.connect(on.relayUrl, { keep: true });
    expect(await page.echo(listener.address, 'let me in')).toBe('let me in');
    const stranger = await on.page();
    await stranger.connect(on.relayUrl);
    await expect(stranger.echo(listener.address, 'me too')).rejects.toThrow(/ERR_E2EE_DENIED/);

    await page.connect(on.relayUrl, { keep: true, use: 'listen' });
    const address = await page.listenEcho();
    expect(address).toContain(id);
    expect(await echoThrough(on, address)).toBe('hello');

    const { keys } = await storedKeys(page);
    expect(keys.map(({ usages }) => usages.join()).sort()).toEqual(['deriveBits', 'sign']);
    for (const { extractable, exported } of keys) {
      expect(extractable).toBe(false);
      expect(exported).toEqual(['InvalidAccessError', 'InvalidAccessError', 'InvalidAccessError']);
    }
  });

  it('may dial in two tabs at once and listen in one, which another takes over only if it says so', async (test) => {
    const on = await start(test);
    const { listener } = await on.node.echoOwner(on.relayUrl);
    const [one, two] = [await on.page(), await on.page()];
    const ids = [
      await one.connect(on.relayUrl, { keep: true, use: 'listen' }),
      await two.connect(on.relayUrl, { keep: true, use: 'listen' }),
    ];
    expect(ids[0]).toEqual(ids[1]);
    const both = await Promise.all([one.echo(listener.address, 'one'), two.echo(listener.address, 'two')]);
    expect(both).toEqual(['one', 'two']);
    const address = await one.listenEcho();
    await expect(two.listenEcho()).rejects.toThrow(/ERR_RELAY_LEASE_IN_USE/);
    expect(await two.listenEcho(true)).toBe(address);
    expect(await one.listenerError()).toBe('ERR_RELAY_SUPERSEDED');
    expect(await echoThrough(on, address)).toBe('hello');
  });

  it('listens and dials on one link that shows it to the relay', async (test) => {
    const on = await start(test);
    const page = await on.page();
    await page.connect(on.relayUrl, { keep: true, identify: true, use: 'listen' });
    const address = await page.listenEcho();
    expect(await page.echo(address, 'over one link')).toBe('over one link');
  });

  it('rotates once for those who rotate at the same time; old keycerts go on, and clients follow', async (test) => {
    const on = await start(test);
    const [one, two] = [await on.page(), await on.page()];
    const { id } = await one.connect(on.relayUrl, { keep: true, use: 'listen' });
    const address = await one.listenEcho();
    const known = new MemoryKeycertStore();
    const early = await on.node.client(on.relayUrl, { knownKeycerts: known });
    await early.lookup(id);
    const epoch2 = { id, epoch: 2 };
    expect(await two.rotateIdentity(3)).toEqual([epoch2, epoch2, epoch2]);
    expect(await one.openIdentity()).toMatchObject(epoch2);
    // This dialer has the keycert of the first epoch, whose key is kept for a day.
    const stream = await early.openStream(address);
    expect(Buffer.from(await exchange(stream, Buffer.from('old key'))).toString()).toBe('old key');
    await two.connect(on.relayUrl, { keep: true });
    const { listener, seen } = await watching(on);
    expect(await two.echo(listener.address, 'new key')).toBe('new key');
    expect(await seen).toEqual(epoch2);
  });

  it('is gone when it was erased: what used it fails, and the next one is another', async (test) => {
    const on = await start(test);
    const page = await on.page();
    const { id } = await page.connect(on.relayUrl, { keep: true });
    const { listener } = await on.node.echoOwner(on.relayUrl);
    await page.eraseIdentity();
    await expect(page.echo(listener.address, 'who am I')).rejects.toThrow(/ERR_STORAGE: .*no longer in this browser/);
    expect((await page.openIdentity()).id).not.toBe(id);
  });
});

/** An owner that echoes and tells who came first. */
async function watching(
  on: BrowserStage,
): Promise<{ listener: Listener; seen: Promise<{ id: string; epoch: number }> }> {
  const owner = await on.node.client(on.relayUrl, { use: 'listen' });
  let tell!: (peer: { id: string; epoch: number }) => void;
  const seen = new Promise<{ id: string; epoch: number }>((resolve) => {
    tell = resolve;
  });
  const listener = await owner.listen({
    accept: ({ id, epoch }) => {
      tell({ id, epoch });
      return true;
    },
  });
  (async () => {
    const connection = await next(listener);
    for await (const stream of connection) stream.readable.pipeTo(stream.writable).catch(() => undefined);
  })().catch(() => undefined);
  return { listener, seen };
}

describe('where WebCrypto has no Ed25519', () => {
  it('the identity is wrapped by a key that no script can read, and works and rotates alike', async (test) => {
    const on = await start(test);
    const page = await on.page();
    await withoutEd25519(page);
    const opened = await page.openIdentity();
    expect(opened.protection).toBe('wrapped');
    const { keys, hasSeed } = await storedKeys(page);
    expect(keys).toEqual([
      { extractable: false, usages: ['encrypt', 'decrypt'], exported: Array(3).fill(expect.stringMatching(/Error$/)) },
    ]);
    expect(hasSeed).toBe(false);
    await page.connect(on.relayUrl, { keep: true, use: 'listen' });
    expect(await echoThrough(on, await page.listenEcho())).toBe('hello');
    expect(await page.rotateIdentity()).toEqual([{ id: opened.id, epoch: 2 }]);
    await page.page.reload();
    expect(await page.openIdentity()).toEqual({ ...opened, epoch: 2 });
  });
});

describe('what a browser remembers', () => {
  it('is the highest keycert of each id, of the ids learned last', async (test) => {
    const page = await (await start(test)).page();
    const learned = [
      ['a', 1],
      ['b', 1],
      ['c', 3],
      ['c', 2],
      ['a', 2],
      ['d', 1],
    ] as const;
    expect(await page.remember(3, learned)).toEqual({ a: 2, c: 3, d: 1 });
  });

  it('is ERR_STORAGE where IndexedDB is missing or holds what a later version made', async (test) => {
    const on = await start(test);
    const page = await on.page();
    await page.page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const request = indexedDB.open('sealane', 99);
          request.onsuccess = () => resolve(request.result.close());
          request.onerror = () => reject(request.error);
        }),
    );
    await expect(page.openIdentity()).rejects.toThrow(/ERR_STORAGE: .*version/);
    await page.page.evaluate(() => Object.defineProperty(globalThis, 'indexedDB', { value: undefined }));
    await expect(page.openIdentity()).rejects.toThrow(/ERR_STORAGE: IndexedDB is missing/);
  });

  it('refuses a name that stands for somebody else after a reload', async (test) => {
    const on = await start(test);
    const page = await on.page();
    const before = await on.node.echoOwner(on.relayUrl, { name: 'shop' });
    await page.connect(on.relayUrl, { keep: true });
    expect(await page.echo('shop', 'first')).toBe('first');
    await page.page.reload();
    await page.connect(on.relayUrl, { keep: true });
    expect(await page.echo('shop', 'again')).toBe('again');
    await before.client.close();
    await on.restartRelay();
    await on.node.echoOwner(on.relayUrl, { name: 'shop' });
    await page.page.reload();
    await page.connect(on.relayUrl, { keep: true });
    await expect(page.echo('shop', 'who is it')).rejects.toThrow(/ERR_E2EE_PIN/);
  });

  it('refuses an older handshake key than it has seen, after a reload too', async (test) => {
    const on = await start(test);
    const page = await on.page();
    const old = await Credential.create();
    const rotated = old.rotate({ nowMs: Date.now() });
    const now = await on.node.client(on.relayUrl, { use: 'listen', credential: rotated });
    const listener = await now.listen({ accept: allowAny() });
    await page.connect(on.relayUrl, { keep: true });
    const id = listener.id;
    const echo = page.echo(id, 'epoch 2');
    const stream = await next(await next(listener));
    stream.readable.pipeTo(stream.writable).catch(() => undefined);
    expect(await echo).toBe('epoch 2');
    await now.close();
    await on.node.echoOwner(on.relayUrl, {}, { credential: old });
    await page.page.reload();
    await page.connect(on.relayUrl, { keep: true });
    await expect(page.echo(`sealane://${id}`, 'epoch 1')).rejects.toThrow(/ERR_(E2EE|RELAY)_KEYCERT/);
  });
});
