import { MemoryBudget } from '@sealane/mux';
import { encodeFrame, encodeOpenBody } from '@sealane/protocol';
import { VirtualClock } from '@sealane/testkit';
import { FrameType, RecordType, SealaneError } from '@sealane/types';
import { Session } from '../../client/src/session/session.js';
import { parameters, prepareIdentities } from '../src/identities.js';
import { Script } from '../src/script.js';
import { SessionUser } from '../src/session-user.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';
import { createSessionEnds, type HostileSessionPeer, ScriptedPath } from './support/hostile-session-peer.js';

const roomy = 200_000;

/** A peer that holds the keys and sends any records: a session ends with one error, or goes on by the rules. */
export const sessionRecordsTarget: Target = {
  name: 'session-records',
  shape: { kind: 'bytes' },
  maxBytes: 320,
  weight: 3,
  prepare: prepareIdentities,
  seeds: () =>
    [
      // As dialer and as owner: opens, data both ways, acks, an orderly close from either side.
      '00 06 00000005 0a 03 040010 06 000100000a00000110 06 08 05 0b 01 06',
      '01 0001 06 00000001 0100010005 07 06 0004 0a 06 0003 06 08',
      '00 06 03 0400ff 06 0a 0a 0003 06 0b 06 0004',
      '01 0001 00020000 0002 06 0000 0500 000500aa 06 0c',
      '01 0000 06',
      '00 0d01ff 06',
      '01 0001 0e02 06 09 0a',
    ].map((hex) => fromHex(hex.replaceAll(' ', ''))),
  run(input) {
    const script = new Script(input);
    const clock = new VirtualClock();
    const role = script.flag() ? 'owner' : 'dialer';
    const world = createWorld(role, clock);
    for (let step = 0; step < 64 && !script.isOver; step++) {
      act(script, world, clock);
      check(world, role);
    }
    endAll(world, clock);
  },
};

interface World {
  readonly session: Session;
  readonly path: ScriptedPath;
  readonly peer: HostileSessionPeer;
  readonly user: SessionUser;
  readonly budget: MemoryBudget;
  readonly ends: (SealaneError | undefined)[];
  given: number;
  isConfirmed: boolean;
  /** The peer has told something that ends a session. */
  mustEnd: boolean;
  /** Nothing but whole records came so far. */
  isAligned: boolean;
}

function createWorld(role: 'dialer' | 'owner', clock: VirtualClock): World {
  const { keys, peer } = createSessionEnds(role, parameters.maxRecordPlaintext);
  const budget = new MemoryBudget(1 << 20);
  const user = new SessionUser();
  const ends: (SealaneError | undefined)[] = [];
  const session = new Session({
    keys,
    own: parameters,
    peer: { ...parameters, maxStreams: 4 },
    clock,
    budget,
    handler: {
      onConfirmed: () => {
        assertRule(!world.isConfirmed, 'a session is confirmed once');
        world.isConfirmed = true;
      },
      onOpen: (stream, open) => {
        assertRule(role === 'dialer' || world.isConfirmed, 'nothing happens before CONFIRM');
        user.take(stream, open);
      },
      onChange: () => undefined,
      onSuspended: () => undefined,
      onResumed: () => undefined,
      onEnd: (error) => void ends.push(error),
    },
  });
  const path = new ScriptedPath(peer);
  path.room = roomy;
  const world: World = {
    session,
    path,
    peer,
    user,
    budget,
    ends,
    given: 0,
    isConfirmed: false,
    mustEnd: false,
    isAligned: true,
  };
  path.sink = session;
  session.attachPath(path);
  return world;
}

function act(script: Script, world: World, clock: VirtualClock): void {
  const { session, path, peer, user } = world;
  switch (script.below(16)) {
    case 0:
      give(world, peer.seal(anyPlaintext(script, world)));
      return;
    case 1:
      world.isAligned = false;
      give(world, script.string().slice());
      return;
    case 2: {
      // Two records in one chunk, or one in two.
      const records = Buffer.concat([peer.seal(anyPlaintext(script, world)), peer.seal(anyPlaintext(script, world))]);
      const at = script.u16() % records.length;
      give(world, new Uint8Array(records.subarray(0, at)));
      give(world, new Uint8Array(records.subarray(at)));
      return;
    }
    case 3:
      accepted(['ERR_STREAM_BUSY', 'ERR_MUX_CLOSED'], () => user.open(session.mux));
      return;
    case 4:
      user.write(script.u8(), script.filled(script.u16() % 20_000));
      return;
    case 5:
      user.end(script.u8());
      return;
    case 6:
    case 7:
      for (let records = 0; session.sendRecord(); records++) assertRule(records < 10_000, 'sending comes to an end');
      return;
    case 8:
      session.sealClose();
      return;
    case 9:
      user.reset(script.u8());
      return;
    case 10: {
      const seconds = 1 + (script.u8() % 16);
      for (let second = 0; second < seconds; second++) {
        clock.advance(1_000);
        session.tick();
      }
      return;
    }
    case 11:
      clock.advance(script.u8());
      return;
    case 12:
      path.isOver = true;
      session.onPathEnd(pathLost());
      return;
    case 13:
      path.room = script.pick([0, 100, 5_000, roomy]);
      return;
    case 14: {
      const record = peer.seal(anyPlaintext(script, world));
      // It does not open, or is taken for a longer one whose rest never comes.
      world.mustEnd = false;
      world.isAligned = false;
      record[script.u8() % record.length]! ^= 1;
      give(world, record);
      return;
    }
    default:
      user.consume(script.u8());
  }
}

function pathLost(): SealaneError {
  return new SealaneError('ERR_E2EE_TRUNCATED');
}

/** A record of a peer that mostly knows how they look: `type | ack | frames`, with frames that mostly hold. */
function anyPlaintext(script: Script, world: World): Uint8Array {
  const { peer } = world;
  const what = script.u8();
  const type = what & 0x87;
  if ((what & 0x78) === 0x78) return new Uint8Array([what, ...script.string()]);
  if (type !== RecordType.FRAMES && type !== RecordType.CONFIRM) {
    const body = type === RecordType.ABORT ? [0, script.u8() % 8] : (what & 8) === 0 ? [] : [...script.string()];
    return new Uint8Array([type, ...body]);
  }
  const ack = Buffer.alloc(8);
  const seen = peer.records.length;
  ack.writeUInt32BE(script.pick([seen, 0, Math.max(0, seen - 1), seen + 1]), 4);
  if (ack.readUInt32BE(4) > seen && world.isAligned) world.mustEnd = true;
  const frames: Uint8Array[] = [];
  for (let count = script.below(4); count > 0; count--) frames.push(anyFrame(script));
  return new Uint8Array(Buffer.concat([Uint8Array.of(type), ack, ...frames]));
}

function anyFrame(script: Script): Uint8Array {
  const streamId = script.below(8);
  switch (script.below(8)) {
    case 0:
    case 1: {
      const flags = script.below(4);
      const data = script.filled(script.u8() * 8);
      const open = new Uint8Array([2, 0x68, 0x69, ...script.bytes(script.below(4))]);
      return encodeFrame(FrameType.DATA, flags, streamId, (flags & 1) === 0 ? data : encodeOpenBody(open, data));
    }
    case 2:
      return encodeFrame(FrameType.CREDIT, 0, streamId, Uint8Array.of(0, script.u8(), script.u8(), 1));
    case 3:
      return encodeFrame(FrameType.RESET, 0, streamId, Uint8Array.of(0, script.u8()));
    case 4:
      return encodeFrame(FrameType.PING, 0, 0, new Uint8Array(8).fill(script.u8()));
    case 5:
      return encodeFrame(FrameType.PONG, 0, 0, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, script.u8()));
    case 6:
      return encodeFrame(FrameType.GOAWAY, 0, 0, Uint8Array.of(0, 0, 0, script.u8(), 0, 1, 0, 0, 0, 0, 0));
    default:
      return encodeFrame(script.u8(), script.below(2), streamId, script.string());
  }
}

function give(world: World, bytes: Uint8Array): void {
  if (world.path.isOver) return;
  world.given += bytes.length;
  world.session.onPathData(bytes);
}

function check(world: World, role: 'dialer' | 'owner'): void {
  const { session, path, peer, budget, ends, given, isConfirmed } = world;
  assertRule(!world.mustEnd || session.isEnded, 'an ack of what was not sent ends a session');
  assertRule(path.returned <= given, 'credit is returned for what came');
  assertRule(ends.length === (session.isEnded ? 1 : 0), 'a session ends once and says so');
  assertRule(!session.isEnded || path.isOver, 'a session that ended ends its path');
  assertRule(role === 'dialer' || isConfirmed || peer.records.length === 0, 'an owner says nothing before CONFIRM');
  assertRule(budget.used <= budget.limitBytes && budget.used >= 0, 'the budget is kept');
  const [first] = peer.records;
  const isConfirm = first?.type === RecordType.CONFIRM || first?.type === RecordType.ABORT;
  assertRule(role === 'owner' || first === undefined || isConfirm, "the dialer's first record is CONFIRM");
}

/** Whatever happened: given up in time, and nothing is left. */
function endAll({ session, path, user, budget, ends }: World, clock: VirtualClock): void {
  path.room = roomy;
  const wasConfirmed = !session.isUnconfirmed;
  user.resetAll();
  session.sealClose();
  for (let second = 0; second < 20 && !session.isEnded; second++) {
    while (session.sendRecord());
    clock.advance(1_000);
    session.tick();
  }
  // One that was never confirmed is dropped by who counts those.
  if (wasConfirmed) assertRule(session.isEnded, 'a close ends within its time');
  else session.abort(1, new SealaneError('ERR_E2EE_TIMEOUT'));
  assertRule(ends.length === 1, 'a session ends once');
  user.assertOver();
  assertRule(budget.used === 0 && budget.reservedForGrowth === 0, `what was held is given back: ${budget.used}`);
  assertRule(session.mux.isClosed, 'the mux ends with its session');
  assertRule(clock.pending === 0, `no timer is left: ${clock.pending}`);
}
