import { connect } from '@sealane/client';
import { SealaneError } from '@sealane/types';

/** What a user's first page may look like: bundled by other tools than the test page. */
Object.assign(globalThis, {
  say: async (relayUrl: string, address: string, text: string): Promise<string> => {
    await using client = await connect(relayUrl);
    const stream = await client.openStream(address);
    const writer = stream.writable.getWriter();
    await writer.write(new TextEncoder().encode(text));
    const closed = writer.close();
    let heard = '';
    const decoder = new TextDecoder();
    for await (const chunk of stream.readable) heard += decoder.decode(chunk, { stream: true });
    await closed;
    return heard;
  },
  /** What dialing nobody ends with. */
  failure: async (relayUrl: string, address: string): Promise<string> => {
    await using client = await connect(relayUrl);
    try {
      await client.dial(address, { service: 'nobody' });
      return 'a connection';
    } catch (error) {
      return error instanceof SealaneError ? error.code : `of another class: ${String(error)}`;
    }
  },
});
