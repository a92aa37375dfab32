import { connect } from '@sealane/client/dial';

/** A page that only dials loads no more than it needs for that. */
Object.assign(globalThis, {
  say: async (relayUrl: string, address: string, text: string): Promise<string> => {
    await using client = await connect(relayUrl);
    const stream = await client.openStream(address);
    const writer = stream.writable.getWriter();
    await writer.write(new TextEncoder().encode(text));
    const closed = writer.close();
    const heard = await new Response(stream.readable).text();
    await closed;
    return heard;
  },
});
