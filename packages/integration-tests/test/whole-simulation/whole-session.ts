import type { SecureConnection, SecureStream } from '@sealane/client';
import type { VirtualClock } from '@sealane/testkit';
import { isSealaneError, ResetCode, SealaneError } from '@sealane/types';
import type { StreamPlan } from '../../../client/test/session-simulation/plan.js';
import { StreamUser } from '../../../client/test/session-simulation/stream-user.js';

/** Asks the owner to open the stream with this key. */
const ASK = 'ask ';

/** One stream of the plan. */
export interface WholeStream {
  readonly plan: StreamPlan;
  readonly key: number;
  opener: StreamUser | undefined;
  acceptor: StreamUser | undefined;
  connection: SecureConnection | undefined;
}

/** Who opens and takes the streams at both ends, and knows which belong together. */
export class StreamBook {
  readonly streams: WholeStream[] = [];
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  add(plan: StreamPlan): WholeStream {
    const stream = { plan, key: this.streams.length, opener: undefined, acceptor: undefined, connection: undefined };
    this.streams.push(stream);
    return stream;
  }

  /** Label of the stream that the dialer opens for `stream`. */
  labelOf({ plan, key }: WholeStream): string {
    return plan.openedByDialer ? `${key}` : `${ASK}${key}`;
  }

  /** The dialer has opened a stream with that label. */
  onOpened(stream: WholeStream, opened: SecureStream): void {
    stream.connection = opened.connection;
    if (stream.plan.openedByDialer) this.#use(stream, opened, true);
    else greet(opened);
  }

  /** A stream that the peer opened. */
  onAccepted(accepted: SecureStream): void {
    const { label, connection } = accepted;
    const stream = this.streams[Number(label.replace(ASK, ''))];
    if (stream === undefined) throw new Error('a stream that nobody opened');
    if (!label.startsWith(ASK)) {
      this.#use(stream, accepted, false);
      return;
    }
    greet(accepted);
    if (stream.opener !== undefined) throw new Error('a stream was asked for twice');
    try {
      this.#use(stream, connection.openStreamNow({ label: `${stream.key}` }), true);
    } catch (error) {
      if (!isSealaneError(error)) throw error;
      stream.opener = new StreamUser(this.#clock, stream.plan.opener, stream.plan.acceptor, 0, 0);
      stream.opener.error = error;
    }
  }

  #use(stream: WholeStream, secure: SecureStream, isOpener: boolean): void {
    const { opener, acceptor, reset } = stream.plan;
    const key = stream.key * 2;
    if ((isOpener ? stream.opener : stream.acceptor) !== undefined) throw new Error('a stream was opened twice');
    const user = isOpener
      ? new StreamUser(this.#clock, opener, acceptor, key, key + 1)
      : new StreamUser(this.#clock, acceptor, opener, key + 1, key);
    if (isOpener) stream.opener = user;
    else stream.acceptor = user;
    user.stream = secure;
    secure.attach(user);
    user.start(secure);
    if (reset === undefined || reset.byOpener !== isOpener) return;
    this.#clock.schedule(reset.atMs, () => user.reset(ResetCode.CANCELLED, new SealaneError('ERR_STREAM_CANCELLED')));
  }
}

/** A stream without bytes: its opening is the message. */
function greet(stream: SecureStream): void {
  stream.attach({ onData: () => undefined, onReset: () => undefined });
  stream.end();
}

/** Both ends of it are through, well or not. */
export function isOver({ opener, acceptor, connection }: WholeStream): boolean {
  if (opener === undefined) return connection !== undefined && isDead(connection);
  return opener.isOver && (acceptor === undefined ? opener.error !== undefined : acceptor.isOver);
}

function isDead(connection: SecureConnection): boolean {
  return connection.session.isEnded;
}
