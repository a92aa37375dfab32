import { blake2b } from '@sealane/crypto';
import { Credential, SigningKey } from '@sealane/crypto/credential';
import { SignatureLabel } from '@sealane/crypto/signature';
import { appendSignature, encodeAuthOkUnsigned } from '@sealane/protocol';
import { RelayServer, type RelayServerOptions } from '@sealane/server';
import type { MessageLink } from '@sealane/types';
import { HostileLink } from './hostile-link.js';
import { type RawFrame, SeenFrame } from './seen-frame.js';

/** What is done to a frame: undefined lets it pass, else what goes on in its place. */
export type Attack = (frame: SeenFrame) => readonly RawFrame[] | undefined;

export type HostileRelayOptions = Partial<RelayServerOptions>;

/**
 * A real relay whose operator lies. Every link of a real `RelayServer`, on its sockets or over any other message link,
 * has a man in the middle who sees, changes, keeps, invents and carries over every frame in both directions, and who
 * holds the relay's identity and node key.
 */
export class HostileRelay implements AsyncDisposable {
  readonly server: RelayServer;
  readonly identity: Credential;
  readonly nodeKey: SigningKey;
  /** In force for every frame from now on, one after the other. May be changed at any time. */
  attacks: readonly Attack[] = [];
  /** Every link so far, in the order in which they came. */
  readonly links: HostileLink[] = [];
  readonly #seen = new Map<HostileLink, Uint8Array[]>();

  private constructor(server: RelayServer, identity: Credential, nodeKey: SigningKey) {
    this.server = server;
    this.identity = identity;
    this.nodeKey = nodeKey;
    // The door of the server gives every authenticated or other socket to `accept`: here the man steps in between.
    const accept = server.accept.bind(server);
    server.accept = (transport, origin) => accept(this.#interpose(transport), origin);
  }

  static async create(options: HostileRelayOptions = {}): Promise<HostileRelay> {
    const identity = options.identity ?? (await Credential.create());
    const nodeKey = options.nodeKey ?? SigningKey.create();
    return new HostileRelay(await RelayServer.create({ ...options, identity, nodeKey }), identity, nodeKey);
  }

  /** Listens on loopback and says under which URL. */
  async listen(): Promise<string> {
    return (await this.server.listen({ host: '127.0.0.1', port: 0 })).url;
  }

  /** One more client, over any transport. */
  accept(transport: MessageLink): void {
    this.server.accept(transport);
  }

  /** Links of owners that have not ended. */
  get ownerLinks(): HostileLink[] {
    return this.links.filter((link) => link.isOwners && link.end === undefined);
  }

  get dialerLinks(): HostileLink[] {
    return this.links.filter((link) => !link.isOwners && link.end === undefined);
  }

  /** Whether these bytes stand anywhere in what clients sent, below the frames or across them. */
  hasSeen(bytes: Uint8Array): boolean {
    for (const messages of this.#seen.values()) {
      if (Buffer.concat(messages).includes(Buffer.from(bytes))) return true;
    }
    return false;
  }

  get seenBytes(): number {
    let sum = 0;
    for (const messages of this.#seen.values()) for (const message of messages) sum += message.length;
    return sum;
  }

  /** The body of an AUTH_OK to these bodies of HELLO and AUTH, signed as only this relay, or `key`, can. */
  signAuthOk(hello: Uint8Array, auth: Uint8Array, key: SigningKey = this.nodeKey): Uint8Array {
    const unsigned = encodeAuthOkUnsigned({ features: 0, linkId: new Uint8Array(8) });
    return appendSignature(unsigned, key.sign(SignatureLabel.AUTH_OK, blake2b(32, hello), blake2b(32, auth), unsigned));
  }

  async close(): Promise<void> {
    for (const link of this.links) link.isDetached = false;
    await this.server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #interpose(transport: MessageLink): HostileLink {
    const link = new HostileLink(
      {
        change: (frame) => this.#change(frame),
        onSeen: (from, message) => this.#seen.get(from)?.push(message),
      },
      transport,
    );
    this.links.push(link);
    this.#seen.set(link, []);
    return link;
  }

  #change(frame: SeenFrame): readonly RawFrame[] {
    let frames: readonly RawFrame[] = [frame];
    for (const attack of this.attacks) {
      frames = frames.flatMap((each) => {
        const seen = each instanceof SeenFrame ? each : new SeenFrame(frame.link, frame.way, each);
        return attack(seen) ?? [seen];
      });
    }
    return frames;
  }
}
