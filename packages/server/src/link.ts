import { encodeId } from '@sealane/crypto/credential';
import { GroupScheduler, Mux, type MuxStream, type StreamHandler } from '@sealane/mux';
import { atCallbackEnd, type CallbackEndTask } from '@sealane/mux/node';
import { type ControlMessage, encodeFrame, encodeMessage } from '@sealane/protocol';
import {
  FrameType,
  GoAwayCode,
  isSealaneError,
  type LinkEnd,
  MessageKind,
  type MessageLink,
  type MessageLinkHandler,
  MuxLimit,
  ProtocolSize,
  RelayCode,
  relayError,
  SealaneError,
} from '@sealane/types';
import { createAuthOk, createGreeting, readAuthBody, verifyAuth } from './auth.js';
import type { FairQueue } from './fair-queue.js';
import { sendBatch } from './link-batch.js';
import { LinkFrames } from './link-frames.js';
import type { LinkHost, LinkOrigin } from './link-host.js';
import { LinkLiveness } from './link-liveness.js';
import { LinkRates } from './link-rates.js';
import { describeFault, refusalName } from './refusals.js';
import type { RelayConfig } from './relay-config.js';
import { wireRefusal } from './wire-refusal.js';

type LinkState =
  | { readonly step: 'greeted'; readonly helloHash: Uint8Array }
  | { readonly step: 'verifying'; readonly helloHash: Uint8Array; readonly cancel: () => void }
  | { readonly step: 'up'; readonly mux: Mux }
  | { readonly step: 'ended' };

/** One largest frame: so progress on a slow line stays visible. */
const BATCH_BYTES = ProtocolSize.OUTER_DATA + 64;
/** Answers before AUTH stay below HELLO's size. */
const MAX_EARLY_TEXT = 200;
const CLOSE_POLICY = 1008;
const CLOSE_GOING_AWAY = 1001;

/** The relay's end of one WebSocket: authentication, then the outer mux (v1.md, "Client and relay"). */
export class RelayLink implements MessageLinkHandler, CallbackEndTask {
  /** For logs and as the holder of leases; random, unique among live links. */
  readonly id: string;
  readonly #config: RelayConfig;
  readonly #host: LinkHost;
  readonly #transport: MessageLink;
  readonly #queue: FairQueue;
  readonly #liveness: LinkLiveness;
  #state: LinkState;
  #clientKey: Uint8Array | undefined;
  #features = 0;
  #clientId = '';
  #isFlushing = false;
  readonly origin: Omit<LinkOrigin, 'onUp'>;
  #onUp: (() => void) | undefined;
  readonly rates: LinkRates;

  constructor(config: RelayConfig, host: LinkHost, transport: MessageLink, queue: FairQueue, origin: LinkOrigin) {
    this.origin = { usage: origin.usage, ip: origin.ip };
    this.#onUp = origin.onUp;
    this.rates = new LinkRates(config);
    this.#config = config;
    this.#host = host;
    this.#transport = transport;
    this.#queue = queue;
    this.id = Buffer.from(config.random(8)).toString('hex');
    this.#liveness = new LinkLiveness(config.limits, config.clock.nowMs());
    const greeting = createGreeting(config);
    this.#state = { step: 'greeted', helloHash: greeting.helloHash };
    transport.start(this);
    transport.send(greeting.frame);
  }

  get isUp(): boolean {
    return this.#state.step === 'up';
  }

  /** 32 bytes; the link must have been authenticated. */
  get clientKey(): Uint8Array {
    if (this.#clientKey === undefined) throw new SealaneError('ERR_INTERNAL', 'the link is not authenticated');
    return this.#clientKey;
  }

  get clientId(): string {
    return this.#clientId;
  }

  /** LinkFeature bits in use. */
  get features(): number {
    return this.#features;
  }

  onMessage(message: Uint8Array | readonly Uint8Array[]): void {
    try {
      if (this.#state.step === 'up') this.#state.mux.receive(message);
      else this.#receiveAuth(message);
    } catch (error) {
      this.fail(error);
    }
  }

  onParts(parts: readonly Uint8Array[]): void {
    this.onMessage(parts);
  }

  onDrain(): void {
    this.#flush();
  }

  onEnd(end: LinkEnd): void {
    this.#end(end.reason === '' ? `closed ${end.code ?? ''}`.trim() : end.reason);
  }

  /** Sends a control message, to a stream or to the link (0). Never throws: a peer that does not read loses its link. */
  send(message: ControlMessage, stream: MuxStream | 0 = 0): void {
    this.sendBody(encodeMessage(message), stream);
  }

  /** As {@link send}, for a body that is encoded already. */
  sendBody(body: Uint8Array, stream: MuxStream | 0 = 0): void {
    if (this.#state.step !== 'up') return;
    try {
      this.#state.mux.sendMessage(stream, body);
    } catch (error) {
      this.fail(error);
    }
  }

  /** For what comes from `source`, with all of which it shares turns. @throws ERR_STREAM_BUSY at the client's limit, ERR_MUX_CLOSED */
  openStream(open: Uint8Array, handler: StreamHandler, source: RelayLink): MuxStream {
    if (this.#state.step !== 'up') throw new SealaneError('ERR_MUX_CLOSED');
    return this.#state.mux.openStream(open, handler, { group: source });
  }

  /** Refuses a request, or with request 0 the link, and counts it. */
  refuse(request: number, error: SealaneError): void {
    const { code, value } = wireRefusal(error);
    // What went wrong inside may name files of the relay's: that is for its operator.
    const text = code === RelayCode.INTERNAL ? 'the relay could not do it' : error.message;
    this.send({ kind: MessageKind.ERROR, request, code, text, value });
  }

  /** Whether the client shows a sign of life within `timeoutMs`; false also when the link is gone. */
  answersPing(timeoutMs: number): Promise<boolean> {
    if (this.#state.step !== 'up') return Promise.resolve(false);
    const { mux } = this.#state;
    const before = this.#transport.receivedBytes;
    return new Promise((resolve) => {
      const timer = this.#config.clock.schedule(timeoutMs, () =>
        resolve(this.isUp && this.#transport.receivedBytes !== before),
      );
      const settle = (isAlive: boolean): void => {
        timer.cancel();
        resolve(isAlive);
      };
      mux.ping().then(
        () => settle(true),
        () => settle(false),
      );
    });
  }

  goAway(code: GoAwayCode, retryAfterMs: number): void {
    if (this.#state.step !== 'up') return;
    // Nothing is refused by it: CONNECTs get their own answer, and resuming ones are served to the end.
    this.#state.mux.goAway({ code, retryAfterMs, lastStream: 0xffff_ffff });
    this.#flush();
  }

  /** About once a second: pings, and the end of a link whose other side is gone. */
  tick(nowMs: number): void {
    if (this.#state.step !== 'up') return;
    this.rates.rest(nowMs);
    const { mux } = this.#state;
    const verdict = this.#liveness.check(this.#transport, nowMs);
    if (verdict === 'dead') {
      this.#config.reporter.refused('LINK_DEAD', 'link');
      this.#transport.abort('the client does not answer');
      this.#end('the client does not answer');
    } else if (verdict === 'ping') {
      // Its answer is only a sign of life; the end of the link rejects it.
      mux.ping().catch(() => undefined);
    }
  }

  /** Ends the link because of what its client did, or of a defect of ours; the reason is sent first. */
  fail(error: unknown): void {
    if (this.#state.step === 'ended') return;
    const { reporter } = this.#config;
    const known = isSealaneError(error) ? error : new SealaneError('ERR_INTERNAL', undefined, { cause: error });
    if (known !== error) reporter.event({ type: 'fault', code: known.code, message: describeFault(error) });
    reporter.refused(wireRefusal(known).code, this.#state.step === 'up' ? 'link' : 'auth');
    this.#sayGoodbye(known);
    this.#end(known.code);
  }

  #sayGoodbye(known: SealaneError): void {
    const { code, value } = wireRefusal(known);
    const text = known.message.slice(0, this.#state.step === 'up' ? undefined : MAX_EARLY_TEXT);
    // Past the mux, whose queue may be what is wrong; the peer sees whole frames all the same.
    if (this.#transport.queuedBytes <= this.#config.limits.maxQueuedBytes) {
      const body = encodeMessage({ kind: MessageKind.ERROR, request: 0, code, text, value });
      this.#transport.send(encodeFrame(FrameType.MESSAGE, 0, 0, body));
    }
    this.#transport.close(CLOSE_POLICY, refusalName(code));
  }

  /** The client went above a rate and was told so. Ends the link of one that does not care. */
  strike(weight = 1): void {
    if (this.rates.mayBeTold(weight)) return;
    this.fail(relayError(RelayCode.LIMIT, 'the client goes on above its rate'));
  }

  /** The last word to a client whose socket goes for a reason that is counted elsewhere. */
  dismiss(error: SealaneError): void {
    if (this.#state.step === 'ended') return;
    this.#sayGoodbye(error);
    this.#end(error.code);
  }

  /** Orderly end by the relay. */
  close(): void {
    if (this.#state.step === 'ended') return;
    if (this.#state.step === 'up') {
      this.#state.mux.goAway({ code: GoAwayCode.SHUTDOWN });
      this.#flush();
    }
    this.#transport.close(CLOSE_GOING_AWAY, 'shutting down');
    this.#end('shutting down');
  }

  abort(): void {
    this.#transport.abort('shutting down');
  }

  #receiveAuth(message: Uint8Array | readonly Uint8Array[]): void {
    const state = this.#state;
    if (state.step === 'ended') return;
    if (state.step !== 'greeted') throw new SealaneError('ERR_PROTOCOL_MESSAGE', 'more than AUTH before AUTH_OK');
    // A copy: the message may be a piece of a larger one, and the check may wait.
    const body = readAuthBody(message).slice();
    this.#state = { step: 'verifying', helloHash: state.helloHash, cancel: () => undefined };
    const cancel = this.#queue.submit(() => {
      try {
        this.#authenticate(state.helloHash, body);
      } catch (error) {
        this.fail(error);
      }
    }, this.origin.usage);
    if (this.#state.step === 'verifying') this.#state = { step: 'verifying', helloHash: state.helloHash, cancel };
  }

  #authenticate(helloHash: Uint8Array, body: Uint8Array): void {
    if (this.#state.step !== 'verifying') return;
    const config = this.#config;
    const client = verifyAuth(config, helloHash, body);
    this.#clientKey = client.key;
    this.#features = client.features;
    this.#clientId = encodeId(client.key);
    const mux = new Mux({
      role: 'acceptor',
      clock: config.clock,
      budget: config.budget,
      maxBodyBytes: ProtocolSize.OUTER_DATA,
      maxOpenBytes: ProtocolSize.CONTROL,
      receiveWindowBytes: MuxLimit.initialWindowBytes,
      maxReceiveWindowBytes: MuxLimit.maxOuterWindowBytes,
      sendWindowBytes: client.initialWindow,
      maxInboundStreams: config.limits.streamsPerLink,
      maxOutboundStreams: Math.min(client.maxStreams, config.limits.streamsPerLink),
      allowMessages: true,
      scheduler: new GroupScheduler(),
      handler: new LinkFrames(this, this.#host, config),
    });
    this.#host.onAuthenticated(this);
    this.#state = { step: 'up', mux };
    this.#onUp?.();
    this.#onUp = undefined;
    this.sendBody(createAuthOk(config, helloHash, client, Buffer.from(this.id, 'hex')));
  }

  /** @internal One flush for all that a received message caused. */
  scheduleFlush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    atCallbackEnd(this);
  }

  /** @internal */
  onCallbackEnd(): void {
    this.#isFlushing = false;
    this.#flush();
  }

  #flush(): void {
    try {
      this.#pullAndSend();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Takes from the streams only what the socket has room for: what waits stays under their credit. */
  #pullAndSend(): void {
    if (this.#state.step !== 'up') return;
    const { mux } = this.#state;
    const { limits, budget } = this.#config;
    for (;;) {
      // Half of the queue is the mark below which the transport asks for more.
      const limitBytes = budget.isOver ? limits.maxQueuedBytes / 2 : limits.maxQueuedBytes;
      if (this.#transport.queuedBytes >= limitBytes) return;
      const batch = mux.pull(BATCH_BYTES);
      if (batch === undefined) return;
      sendBatch(this.#transport, batch, !mux.hasPending);
    }
  }

  #end(reason: string): void {
    const state = this.#state;
    if (state.step === 'ended') return;
    this.#state = { step: 'ended' };
    if (state.step === 'verifying') state.cancel();
    if (state.step === 'up') state.mux.close(new SealaneError('ERR_LINK_LOST', reason, { retryable: true }));
    this.#host.onEnd(this, reason, state.step === 'up');
  }
}
