import type { Connect, ControlMessage, ForwardConnect } from '@sealane/protocol';
import { FrameType, OpenKind } from '@sealane/types';
import type { Attack } from './hostile-relay.js';
import { RecordLane } from './record-lane.js';
import { dataFrames, forwardFrame, messageFrame, type RawFrame, requestFrame, type SeenFrame } from './seen-frame.js';

/** Whose bytes: they are changed where the relay hands them to the other one. */
export type Sender = 'dialer' | 'owner';

type MessageOf<K extends ControlMessage['kind']> = Extract<ControlMessage, { readonly kind: K }>;

/** Changes every message of a kind, whichever way it goes; undefined lets it pass, an empty list drops it. */
export function onMessage<K extends ControlMessage['kind']>(
  kind: K,
  change: (message: MessageOf<K>, frame: SeenFrame) => readonly ControlMessage[] | undefined,
): Attack {
  return (frame) => {
    const { message } = frame;
    if (message?.kind !== kind) return undefined;
    return change(message as MessageOf<K>, frame)?.map((said) => messageFrame(frame.streamId, said));
  };
}

/** Changes what a dialer asks of the relay. */
export function onConnect(change: (request: Connect, frame: SeenFrame) => Connect | undefined): Attack {
  return (frame) => {
    const { request } = frame;
    if (request?.kind !== OpenKind.CONNECT) return undefined;
    const changed = change(request, frame);
    return changed === undefined ? undefined : [requestFrame(frame, changed)];
  };
}

/** Changes what an owner is asked. */
export function onForward(change: (request: ForwardConnect, frame: SeenFrame) => ForwardConnect | undefined): Attack {
  return (frame) => {
    const { forward } = frame;
    if (forward?.kind !== OpenKind.CONNECT) return undefined;
    const changed = change(forward, frame);
    return changed === undefined ? undefined : [forwardFrame(frame.streamId, changed)];
  };
}

/** Is it data of a session that `sender` sent, about to reach the other one? */
export function isDataFrom(frame: SeenFrame, sender: Sender): boolean {
  const isToOwner = frame.link.isOwners;
  return frame.type === FrameType.DATA && frame.way === 'down' && !frame.isOpen && isToOwner === (sender === 'dialer');
}

/** Changes data of sessions in the pieces in which they pass. */
export function onData(sender: Sender, change: (frame: SeenFrame) => readonly RawFrame[] | undefined): Attack {
  return (frame) => (isDataFrom(frame, sender) ? change(frame) : undefined);
}

/** Changes whole records, counted from 0 per session and direction: what goes on in the place of each. */
export function onRecords(
  sender: Sender,
  change: (record: Uint8Array, index: number, frame: SeenFrame) => readonly Uint8Array[] | undefined,
): Attack {
  const lanes = new Map<unknown, Map<number, RecordLane>>();
  return onData(sender, (frame) => {
    const streams = lanes.get(frame.link) ?? new Map<number, RecordLane>();
    lanes.set(frame.link, streams);
    const lane = streams.get(frame.streamId) ?? new RecordLane();
    streams.set(frame.streamId, lane);
    const first = lane.count;
    const chunks = lane.push(frame.data).flatMap((record, at) => change(record, first + at, frame) ?? [record]);
    if (frame.isFin) chunks.push(lane.rest());
    const frames = chunks.flatMap((chunk) => dataFrames(frame.streamId, chunk));
    return frame.isFin ? [...frames, ...dataFrames(frame.streamId, new Uint8Array(0), true)] : frames;
  });
}

/** A copy with one bit changed. */
export function flipBit(bytes: Uint8Array, at: number, bit = 0): Uint8Array {
  const changed = bytes.slice();
  changed[at] = (changed[at] ?? 0) ^ (1 << bit);
  return changed;
}
