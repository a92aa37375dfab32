import {
  type ControlMessage,
  encodeFrame,
  type ForwardConnect,
  type ForwardRequest,
  type ForwardResume,
  forEachFrame,
} from '@sealane/protocol';
import {
  FrameFlag,
  FrameType,
  type LinkEnd,
  MessageKind,
  type MessageLink,
  type MessageLinkHandler,
  OpenKind,
  ProtocolSize,
} from '@sealane/types';
import { HostileStream } from './hostile-stream.js';
import { type FrameWay, forwardFrame, messageFrame, type RawFrame, SeenFrame } from './seen-frame.js';

const LIMITS = {
  maxDataBytes: ProtocolSize.OUTER_DATA,
  maxOpenBytes: ProtocolSize.CONTROL,
  maxMessageBytes: ProtocolSize.CONTROL,
};

export interface HostileLinkHost {
  /** What becomes of a frame: nothing, itself, others. */
  change(frame: SeenFrame): readonly RawFrame[];
  /** A message of the client, before anything is done with it. */
  onSeen(link: HostileLink, message: Uint8Array): void;
}

/**
 * Stands between a client's WebSocket and the relay's end of the link, as the relay itself could: whatever it does is
 * done by who holds the relay's keys. Unless an attack says otherwise everything is carried as it is.
 */
export class HostileLink implements MessageLink {
  /** The client's link has ended. */
  end: LinkEnd | undefined;
  /** The relay behind no longer matters: what it says and that it closes is not passed on. */
  isDetached = false;
  /** A lease was asked for on it: the client is an owner. */
  isOwners = false;
  readonly #host: HostileLinkHost;
  readonly #transport: MessageLink;
  #relay: MessageLinkHandler | undefined;
  /** Numbers of the relay's streams as the client knows them, and back: those of the man in the middle are among them. */
  readonly #shown = new Map<number, number>();
  readonly #hidden = new Map<number, number>();
  #nextShown = 2;
  readonly #own = new Map<number, HostileStream>();

  constructor(host: HostileLinkHost, transport: MessageLink) {
    this.#host = host;
    this.#transport = transport;
  }

  get queuedBytes(): number {
    return this.#transport.queuedBytes;
  }

  get receivedBytes(): number {
    return this.#transport.receivedBytes;
  }

  get sentBytes(): number {
    return this.#transport.sentBytes;
  }

  start(relay: MessageLinkHandler): void {
    this.#relay = relay;
    this.#transport.start({
      onMessage: (message) => {
        this.#host.onSeen(this, message.slice());
        this.#carry('up', message);
      },
      onDrain: () => relay.onDrain(),
      onEnd: (end) => {
        this.end = end;
        relay.onEnd(end);
      },
    });
  }

  /** What the relay behind says. */
  send(message: Uint8Array): void {
    if (!this.isDetached) this.#carry('down', message);
  }

  close(code?: number, reason?: string): void {
    if (!this.isDetached) this.#transport.close(code, reason);
  }

  abort(reason?: string): void {
    if (!this.isDetached) this.#transport.abort(reason);
  }

  /** Cuts the client off. */
  cut(): void {
    this.#transport.abort('cut');
  }

  /** Closes the client's WebSocket in order, with any words. */
  sayGoodbye(code: number, reason: string): void {
    this.#transport.close(code, reason);
  }

  /** Says something to the client. Attacks do not see it. */
  toClient(frame: RawFrame): void {
    this.#transport.send(encodeFrame(frame.type, frame.flags, frame.streamId, frame.body));
  }

  /** A control message of the link itself. */
  say(message: ControlMessage): void {
    this.toClient(messageFrame(0, message));
  }

  /** Bytes that need not be a frame. */
  rawToClient(message: Uint8Array): void {
    this.#transport.send(message);
  }

  /** Says something to the relay behind in the client's name. Attacks do not see it. */
  toRelay(frame: RawFrame): void {
    queueMicrotask(() => this.#deliverUp(frame));
  }

  /** Opens a stream to the owner as the relay does for a dialer; the relay behind knows nothing of it. */
  forward(request: Omit<ForwardConnect, 'kind'>): HostileStream {
    return this.#forward({ ...request, kind: OpenKind.CONNECT });
  }

  /** The same for a session that is said to move here. */
  forwardResume(request: Omit<ForwardResume, 'kind' | 'dialer'>): HostileStream {
    return this.#forward({ ...request, kind: OpenKind.RESUME, dialer: null });
  }

  /** Serves a stream that the client opened; call it for the OPEN on its way up, and drop that. */
  take(streamId: number): HostileStream {
    const stream = new HostileStream(this, streamId);
    this.#own.set(streamId, stream);
    return stream;
  }

  #forward(request: ForwardRequest): HostileStream {
    const stream = new HostileStream(this, this.#nextShown);
    this.#nextShown += 2;
    this.#own.set(stream.id, stream);
    this.toClient(forwardFrame(stream.id, request));
    return stream;
  }

  #carry(way: FrameWay, message: Uint8Array): void {
    const frames: SeenFrame[] = [];
    forEachFrame(message, LIMITS, ({ type, flags, streamId, body }) => {
      const shown = way === 'down' ? this.#show(streamId, (flags & FrameFlag.OPEN) !== 0) : streamId;
      frames.push(new SeenFrame(this, way, { type, flags, streamId: shown, body: body.slice() }));
    });
    for (const frame of frames) this.#pass(frame);
  }

  #pass(frame: SeenFrame): void {
    if (frame.way === 'up') {
      const own = frame.streamId === 0 ? undefined : this.#own.get(frame.streamId);
      if (own !== undefined) {
        own.receive(frame);
        return;
      }
      if (frame.message?.kind === MessageKind.REGISTER) this.isOwners = true;
    }
    for (const changed of this.#host.change(frame)) {
      if (frame.way === 'down') this.toClient(changed);
      else this.#deliverUp(changed);
    }
  }

  #deliverUp({ type, flags, streamId, body }: RawFrame): void {
    if (this.end !== undefined || this.isDetached) return;
    // A GOAWAY names the highest of the streams that the client was shown.
    if (type === FrameType.GOAWAY && this.#own.size > 0) return;
    const hidden = this.#hidden.get(streamId) ?? streamId;
    this.#relay?.onMessage(encodeFrame(type, flags, hidden, body));
  }

  /** Streams that the relay opened have even numbers. */
  #show(streamId: number, isOpening: boolean): number {
    if (streamId === 0 || streamId % 2 === 1) return streamId;
    const known = this.#shown.get(streamId);
    if (known !== undefined || !isOpening) return known ?? streamId;
    const shown = this.#nextShown;
    this.#nextShown += 2;
    this.#shown.set(streamId, shown);
    this.#hidden.set(shown, streamId);
    return shown;
  }
}
