import { encodeFrame, encodeMessage, encodeOpen, type Lease } from '@sealane/protocol';
import { FrameType, LeaseFlag, MessageKind, OpenKind, RelayCode, ResetCode } from '@sealane/types';
import { SeenStream } from '../../server/test/scripted-client.js';
import { knownIdentities, prepareIdentities } from '../src/identities.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { accepted, assertRule, assertSameBytes } from '../src/violation.js';
import { RelayStage, type ScriptedEnd } from './support/relay-stage.js';

const localCodes = ['ERR_STREAM_BUSY', 'ERR_MUX_', 'ERR_ARGUMENT', 'ERR_PROTOCOL_'];

/**
 * A relay between four clients: an owner and a dialer that keep the rules, and two that keep none. Whatever those do, the
 * first two stay linked, get exactly each other's bytes, and nothing is left behind.
 */
export const relayLinksTarget: Target = {
  name: 'relay-links',
  shape: { kind: 'bytes' },
  maxBytes: 256,
  weight: 4,
  prepare: prepareIdentities,
  seeds: () =>
    [
      // The honest pair: lease, connect, accept, data both ways, ends.
      '00 000000 0a01 0100 0a01 0200 0a01 0300ff 0a01 0301ff 0a01 0400 0a01 0401 0a02',
      // The hostile pair likewise, with pauses, resets and lost links between.
      '00 000000 020000 0a01 830000 8100 0a01 8200 0a01 8300ff 8500 0a01 8700 0a02 8b05',
      '00 000000 0100 8100 8101 0a01 0200 8200 8600 0c00 0a0a 0c01',
      '01 000000 9000 910600 0001 0a01 9101 9203aabbcc 0a01 0100 0200 0300ff 0a01',
      '00 00000001 0a01 0d000f 0d010305 0a01 00000001 0a01 0d0001',
      '00 020000 820000 0a01 0800 0801 8800 0900 8900 0a63',
    ].map((hex) => fromHex(hex.replaceAll(' ', ''))),
  async run(input) {
    const script = new Script(input);
    const limits = { memoryBudgetBytes: script.pick([8, 1]) << 20, streamsPerLink: 16, waitingAcceptsPerLease: 4 };
    const stage = await RelayStage.create({ limits });
    const { owner, dialer } = knownIdentities();
    const honest = new Pair(stage, await stage.connect({ signer: owner }), await stage.connect());
    const hostile = new Pair(stage, await stage.connect({ signer: dialer }), await stage.connect());
    await stage.pass();
    for (let step = 0; step < 48 && !script.isOver; step++) {
      const what = script.u8();
      if ((what & 0x0f) === 0x0a) await stage.pass(script.u8() * 50);
      else if (what < 0x80) honest.act(what & 0x0f, script);
      else if (what < 0x90) hostile.act(what & 0x0f, script);
      else hostile.misbehave(what & 0x0f, script);
      await stage.pass(0);
      stage.check();
      honest.check();
      hostile.check();
      assertRule(honest.owner.client.end === undefined, `who keeps the rules keeps its link: ${endOf(honest.owner)}`);
      assertRule(honest.dialer.client.end === undefined, `who keeps the rules keeps its link: ${endOf(honest.dialer)}`);
    }
    await stage.finish([honest.owner, honest.dialer, hostile.owner, hostile.dialer]);
  },
};

function endOf({ client }: ScriptedEnd): string {
  return `${JSON.stringify(client.end)} ${JSON.stringify(client.messages.at(-1))}`;
}

/** A connection as both of its clients see it. */
interface Joint {
  readonly number: number;
  readonly dialerSeen: SeenStream;
  ownerSeen: SeenStream | undefined;
  isAnswered: boolean;
  readonly sent: { readonly byDialer: Uint8Array[]; readonly byOwner: Uint8Array[] };
  readonly ended: { byDialer: boolean; byOwner: boolean };
}

let connections = 0;

class Pair {
  readonly owner: ScriptedEnd;
  readonly dialer: ScriptedEnd;
  readonly #stage: RelayStage;
  readonly #joints: Joint[] = [];
  #sequence = 0;

  constructor(stage: RelayStage, owner: ScriptedEnd, dialer: ScriptedEnd) {
    this.#stage = stage;
    this.owner = owner;
    this.dialer = dialer;
  }

  act(what: number, script: Script): void {
    const { owner, dialer } = this;
    if (!owner.client.isUp || owner.client.end !== undefined) return;
    if (!dialer.client.isUp || dialer.client.end !== undefined) return;
    switch (what) {
      case 0:
        this.#register(script);
        return;
      case 1:
        accepted(localCodes, () => this.#connect(script.pick(['', 'web'])));
        return;
      case 2:
        this.#answer(script.u8());
        return;
      case 3:
        this.#send(script.u8(), script.u8() * 64);
        return;
      case 4:
        this.#end(script.u8());
        return;
      case 5:
        this.#joints[script.u8() % 4]?.dialerSeen.stream?.reset(ResetCode.CANCELLED);
        dialer.client.flush();
        return;
      case 6: {
        const seen = this.#joints[script.u8() % 4]?.dialerSeen;
        if (seen !== undefined) seen.reads = !seen.reads;
        return;
      }
      case 7:
        this.#joints[script.u8() % 4]?.ownerSeen?.stream?.reset(ResetCode.GONE);
        owner.client.flush();
        return;
      case 8:
        owner.client.send({
          kind: MessageKind.RENEW,
          request: owner.client.nextRequest(),
          service: '',
          sequence: this.#sequence,
        });
        return;
      case 9:
        owner.client.send({
          kind: MessageKind.RELEASE,
          request: owner.client.nextRequest(),
          service: '',
          sequence: this.#sequence,
        });
        return;
      case 12:
        dialer.client.send({
          kind: MessageKind.LOOKUP,
          request: dialer.client.nextRequest(),
          name: script.pick(['box', 'other']),
          id: null,
          service: '',
        });
        return;
      case 13:
        dialer.client.send({
          kind: MessageKind.LIST,
          request: dialer.client.nextRequest(),
          cursor: script.flag() ? Uint8Array.of(script.u8()) : null,
          limit: 1 + script.below(15),
        });
        return;
      default:
        // Both read what they left lying.
        for (const { dialerSeen } of this.#joints) {
          dialerSeen.reads = true;
          const { stream } = dialerSeen;
          stream?.consume(stream.heldBytes);
        }
        dialer.client.flush();
    }
  }

  /** What no client may do, straight onto the link. */
  misbehave(what: number, script: Script): void {
    const end = script.flag() ? this.owner : this.dialer;
    switch (what & 7) {
      case 0: {
        const type = script.pick([FrameType.DATA, FrameType.CREDIT, FrameType.RESET, FrameType.GOAWAY, 7, 64]);
        end.client.sendRaw(encodeFrame(type, script.below(4), script.below(12), script.string()));
        return;
      }
      case 1: {
        const code = script.pick([RelayCode.BUSY, RelayCode.KEYCERT, 200]);
        const message2 = script.flag() ? script.string() : null;
        const bodies = [
          encodeMessage({ kind: MessageKind.ACCEPT, message2: message2?.length === 0 ? null : message2, resume: null }),
          encodeMessage({ kind: MessageKind.REJECT, code, keycert: null, text: 'no' }),
          encodeMessage({ kind: MessageKind.HELD }),
          encodeMessage({ kind: MessageKind.RELEASED, request: 1 + script.u8() }),
          Uint8Array.of(script.u8(), ...script.string()),
        ];
        end.client.sendRaw(encodeFrame(FrameType.MESSAGE, 0, script.below(12), script.pick(bodies)));
        return;
      }
      case 2:
        end.client.sendRaw(script.string().slice());
        return;
      case 3:
        end.link.abort();
        return;
      case 4:
        end.link.pause();
        return;
      case 5:
        end.link.resume();
        return;
      case 6: {
        const open = encodeOpen({
          kind: OpenKind.RESUME,
          owner: knownIdentities().owner.publicKey,
          service: '',
          instance: new Uint8Array(16),
          resumeId: new Uint8Array(16),
          pathNumber: 1,
          sealed: new Uint8Array(34),
        });
        if (end.client.isUp) accepted(localCodes, () => end.client.mux.openStream(open, new SeenStream()));
        return;
      }
      default:
        // An owner's name and service under the other's key, and leases that are wrong in one field each.
        if (this.owner.client.isUp)
          this.#register(script, { audience: script.flag() ? this.#stage.key : new Uint8Array(32) });
    }
  }

  check(): void {
    for (const { dialerSeen, ownerSeen, sent, isAnswered } of this.#joints) {
      const toDialer = Buffer.concat(dialerSeen.chunks);
      const toOwner = Buffer.concat(ownerSeen?.chunks ?? []);
      assertPrefix(toDialer, sent.byOwner);
      assertPrefix(toOwner, sent.byDialer);
      assertRule(isAnswered || toDialer.length === 0, 'nothing comes before the answer');
    }
  }

  #register(script: Script, changes: Partial<Lease> = {}): void {
    this.#sequence += 1 + (script.u8() & 1);
    const name = script.pick([null, 'box', 'other']);
    const service = script.pick(['', '', 'web']);
    const ttlMs = 10_000 + script.below(4) * 1_000;
    const metadata = new Uint8Array(script.below(4) * 1_000);
    const flags = script.flag() ? LeaseFlag.PUBLIC : 0;
    const lease = { service, name, ttlMs, metadata, flags, sequence: this.#sequence, ...changes };
    this.owner.client.register(this.#stage.key, lease);
  }

  #connect(service: string): void {
    const { client } = this.dialer;
    const number = ++connections;
    const connectionId = new Uint8Array(16);
    new DataView(connectionId.buffer).setUint32(12, number);
    const signer = this.owner.client.signer;
    const dialerSeen = new SeenStream();
    const open = encodeOpen({ kind: OpenKind.CONNECT, owner: signer.publicKey, service, connectionId, message1: null });
    dialerSeen.stream = client.mux.openStream(open, dialerSeen);
    this.#joints.push({
      number,
      dialerSeen,
      ownerSeen: undefined,
      isAnswered: false,
      sent: { byDialer: [], byOwner: [] },
      ended: { byDialer: false, byOwner: false },
    });
    client.flush();
  }

  /** The owner takes or refuses a request that reached it: its own, and each at most once. */
  #answer(pick: number): void {
    const { client } = this.owner;
    const forward = client.forwards[(pick >> 1) % Math.max(1, client.forwards.length)];
    if (forward === undefined || forward.request.kind !== OpenKind.CONNECT) return;
    const number = new DataView(forward.request.connectionId.slice().buffer).getUint32(12);
    const joint = this.#joints.find((candidate) => candidate.number === number);
    assertRule(joint !== undefined, 'an owner is asked by who asked for it');
    if (joint.isAnswered) return;
    joint.isAnswered = true;
    joint.ownerSeen = forward.seen;
    if ((pick & 1) === 0) client.send({ kind: MessageKind.ACCEPT, message2: null, resume: null }, forward.stream);
    else client.send({ kind: MessageKind.REJECT, code: RelayCode.BUSY, keycert: null, text: 'no' }, forward.stream);
  }

  /** The bytes tell their connection, their direction and their place. */
  #send(pick: number, length: number): void {
    const joint = this.#joints[(pick >> 1) % Math.max(1, this.#joints.length)];
    if (joint === undefined) return;
    const isDialer = (pick & 1) === 0;
    const stream = isDialer ? joint.dialerSeen.stream : joint.ownerSeen?.stream;
    const side = isDialer ? 'byDialer' : 'byOwner';
    if (stream === undefined || stream.isClosed || joint.ended[side]) return;
    const count = joint.sent[side].reduce((sum, chunk) => sum + chunk.length, 0);
    const bytes = Uint8Array.from(
      { length },
      (_, index) => joint.number * 31 + (isDialer ? 0 : 101) + ((count + index) >> 4),
    );
    joint.sent[side].push(bytes.slice());
    stream.write(bytes);
    (isDialer ? this.dialer : this.owner).client.flush();
  }

  #end(pick: number): void {
    const joint = this.#joints[(pick >> 1) % Math.max(1, this.#joints.length)];
    if (joint === undefined) return;
    const isDialer = (pick & 1) === 0;
    joint.ended[isDialer ? 'byDialer' : 'byOwner'] = true;
    (isDialer ? joint.dialerSeen.stream : joint.ownerSeen?.stream)?.end();
    (isDialer ? this.dialer : this.owner).client.flush();
  }
}

function assertPrefix(received: Uint8Array, sent: readonly Uint8Array[]): void {
  if (received.length === 0) return;
  const all = Buffer.concat(sent);
  assertRule(received.length <= all.length, 'nobody gets more than was sent to it');
  assertSameBytes(received, all.subarray(0, received.length), 'nobody gets the bytes of another');
}
