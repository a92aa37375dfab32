import { allowAny, RelayClient, type RelayClientOptions, type SecureStream } from '@sealane/client';
import { loadCrypto } from '@sealane/crypto';
import { Credential, SigningKey } from '@sealane/crypto/credential';
import { RelayServer, type RelayServerOptions } from '@sealane/server';
import { createLinkPair, type SimulatedLink, seededRandom, settle, VirtualClock } from '@sealane/testkit';

/** What one side of one link sent from the first byte to the last, in hex: by `<who> <link> to relay` or `from relay`. */
export type Transcript = Readonly<Record<string, string>>;

/**
 * Everything on the wire of one small conversation: a lease with a name and one with the classical suite, a renewal, a
 * lookup, two sessions with a few streams, a refusal by the owner, one by the relay, and the end of all of it. Time and
 * randomness are given, so the same code says the same bytes.
 */
export async function recordTranscript(
  relayOptions: Partial<RelayServerOptions> = {},
  clientOptions: RelayClientOptions = {},
): Promise<Transcript> {
  await loadCrypto();
  const clock = new VirtualClock();
  const random = seededRandom(46);
  const sent = new Map<string, Buffer[]>();
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      await clock.advanceAsync(10);
      await settle();
    }
  };
  const until = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => undefined);
    for (let passed = 0; !isSettled && passed < 30_000; passed += 10) await pass(10);
    return await settled;
  };
  const identity = await Credential.create({ random: random.fork('relay identity') });
  const nodeKey = SigningKey.create(random.fork('node key'));
  const relay = await RelayServer.create({
    identity,
    nodeKey,
    clock,
    random: random.fork('relay'),
    limits: { authCpuShare: 1, connectCpuShare: 1 },
    ...relayOptions,
  });
  const client = async (who: string, options: RelayClientOptions): Promise<RelayClient> => {
    let links = 0;
    const transport = (): Promise<SimulatedLink> => {
      links += 1;
      const keys = [`${who} ${links} to relay`, `${who} ${links} from relay`] as const;
      const [near, far] = createLinkPair(clock, {
        lowMarkBytes: 131_072,
        fault: ({ from, message }) => {
          const key = keys[from];
          sent.set(key, [...(sent.get(key) ?? []), Buffer.from(message)]);
          return 'pass';
        },
      });
      relay.accept(far);
      return Promise.resolve(near);
    };
    const created = RelayClient.connect('ws://relay.example:443', {
      clock,
      random: random.fork(who),
      transport,
      credential: await Credential.create({ random: random.fork(`${who} credential`) }),
      ...options,
      ...clientOptions,
    });
    return await until(created);
  };
  const owner = await client('owner', { use: 'listen' });
  const listener = await until(owner.listen({ accept: allowAny(), name: 'box', ttlMs: 10_000, alpn: ['b/1', 'a/1'] }));
  const strict = await until(owner.listen({ service: 'strict', accept: () => ({ deny: 'not you' }), public: true }));
  serve(listener);
  await pass(4_000);
  const dialer = await client('dialer', {});
  const connection = await until(dialer.dial('box', { alpn: ['a/1', 'b/1'] }));
  for (const label of ['first', 'second']) {
    const stream = await until(connection.openStream({ label, metadata: Buffer.from('m') }));
    await until(talk(stream, `hello ${label}`));
  }
  const cancelled = await until(connection.openStream());
  cancelled.abort();
  await pass(300);
  await until(connection.close());
  for (const address of [strict.address, `sealane://${owner.id}/missing`]) {
    await until(dialer.dial(address).catch(() => undefined));
  }
  await until(listener.close());
  await until(dialer.close());
  await until(owner.close());
  await pass(1_000);
  await until(relay.close());
  return Object.fromEntries([...sent].map(([key, messages]) => [key, Buffer.concat(messages).toString('hex')]));
}

async function talk(stream: SecureStream, text: string): Promise<void> {
  const writer = stream.writable.getWriter();
  await writer.write(Buffer.from(text));
  await writer.close();
  for await (const _ of stream.readable as unknown as AsyncIterable<Uint8Array>);
}

function serve(listener: AsyncIterable<AsyncIterable<SecureStream>>): void {
  const each = async <T>(source: AsyncIterable<T>, use: (value: T) => void): Promise<void> => {
    for await (const value of source) use(value);
  };
  void each(listener, (connection) => {
    void each(connection, (stream) => {
      stream.readable.pipeTo(stream.writable).catch(() => undefined);
    }).catch(() => undefined);
  }).catch(() => undefined);
}
