import { allowAny, connect } from '@sealane/client/listen';

/** A page that only listens loads no more than it needs for that; it echoes. */
Object.assign(globalThis, {
  listen: async (relayUrl: string): Promise<string> => {
    const client = await connect(relayUrl);
    const listener = await client.listen({ accept: allowAny() });
    void (async () => {
      for await (const connection of listener) {
        for await (const stream of connection) void stream.readable.pipeTo(stream.writable);
      }
    })();
    return listener.address;
  },
});
