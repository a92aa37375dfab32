import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

const keptBytes = 262_144;

/** All bytes of one direction by number, the last 256 KiB of them by content. */
export class Recording {
  #chunks: Buffer[] = [];
  #kept = 0;
  total = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
    this.total += chunk.length;
    for (
      let first = this.#chunks[0];
      first !== undefined && this.#kept - first.length >= keptBytes;
      first = this.#chunks[0]
    ) {
      this.#chunks.shift();
      this.#kept -= first.length;
    }
  }

  /** What passed since `offset`, as far as it is still kept. */
  since(offset: number): Buffer {
    const all = Buffer.concat(this.#chunks);
    return all.subarray(Math.max(0, all.length - (this.total - offset)));
  }
}

export interface RecordingTap {
  readonly port: number;
  /** From the client to the relay, and back: what the relay receives and sends on this link. */
  readonly toRelay: Recording;
  readonly fromRelay: Recording;
  close(): void;
}

/** A plain TCP forwarder in front of the relay: it sees exactly what the relay sees. */
export async function createRecordingTap(relay: { host: string; port: number }): Promise<RecordingTap> {
  const [toRelay, fromRelay] = [new Recording(), new Recording()];
  const sockets = new Set<net.Socket>();
  const forward = (from: net.Socket, to: net.Socket, recording: Recording): void => {
    sockets.add(from);
    from.on('data', (chunk: Buffer) => recording.add(chunk));
    from.pipe(to);
    from.once('error', () => to.destroy());
    from.once('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = net.createServer({ noDelay: true }, (client) => {
    const upstream = net.connect({ ...relay, noDelay: true });
    forward(client, upstream, toRelay);
    forward(upstream, client, fromRelay);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    toRelay,
    fromRelay,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
