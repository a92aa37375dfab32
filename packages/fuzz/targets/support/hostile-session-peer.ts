import {
  type CipherState,
  NoiseHandshake,
  parseFrames,
  parsePattern,
  RecordReader,
  SessionKeys,
} from '@sealane/crypto/e2ee';
import { seededRandom } from '@sealane/testkit';
import { RECORD_PADDED, RecordType } from '@sealane/types';
import type { SessionPath, SessionPathSink } from '../../../client/src/session/session-path.js';
import { assertRule } from '../../src/violation.js';

const empty = new Uint8Array(0);

export interface SessionEnds {
  readonly keys: SessionKeys;
  readonly peer: HostileSessionPeer;
}

/** A session's keys in one role, and a peer that holds the other half and keeps no rule of records. */
export function createSessionEnds(role: 'dialer' | 'owner', maxPlaintext: number): SessionEnds {
  // Two ephemeral keys and nothing else: what the records rest on is the same, and it is quick.
  const create = (initiator: boolean, seed: number): NoiseHandshake =>
    new NoiseHandshake({ pattern: parsePattern('NN'), initiator, random: seededRandom(seed) });
  const dialer = create(true, 11);
  const owner = create(false, 12);
  owner.readMessage(dialer.writeMessage(empty));
  dialer.readMessage(owner.writeMessage(empty));
  const [own, other] = role === 'dialer' ? [dialer, owner] : [owner, dialer];
  const keys = new SessionKeys(own, role, new Uint8Array(16).fill(1), maxPlaintext);
  const { c1, c2 } = other.split();
  return { keys, peer: role === 'dialer' ? new HostileSessionPeer(c2, c1) : new HostileSessionPeer(c1, c2) };
}

/** What stands in a record, as the peer opened it. */
export interface SeenRecord {
  readonly type: number;
  readonly frames: Uint8Array;
}

export class HostileSessionPeer {
  sealed = 0;
  readonly records: SeenRecord[] = [];
  /** The highest ack that the session has sent. */
  acked = 0;
  readonly #sending: CipherState;
  readonly #receiving: CipherState;
  readonly #reader = new RecordReader(66_048);

  constructor(sending: CipherState, receiving: CipherState) {
    this.#sending = sending;
    this.#receiving = receiving;
  }

  /** `u24 length | ciphertext` of any plaintext, under the right key and number. */
  seal(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#sending.encryptWithAd(empty, plaintext);
    if ((plaintext[0] ?? 0) === RecordType.REKEY) this.#sending.rekey();
    this.sealed++;
    return new Uint8Array([ciphertext.length >>> 16, ciphertext.length >>> 8, ciphertext.length, ...ciphertext]);
  }

  /** Bytes that the session sent: every one of its records opens, in order, and says what is true. */
  receive(bytes: Uint8Array): void {
    for (const ciphertext of this.#reader.push(bytes)) {
      const plaintext = this.#receiving.decryptWithAd(empty, Buffer.concat([ciphertext].flat()));
      assertRule(plaintext !== undefined, 'every record that is sent opens, in order');
      const type = plaintext[0]! & ~RECORD_PADDED;
      const hasAck = type === RecordType.FRAMES || type === RecordType.CONFIRM;
      if (type === RecordType.REKEY) this.#receiving.rekey();
      const { ack, frames } = hasAck ? parseFrames(plaintext.subarray(1)) : { ack: this.acked, frames: empty };
      assertRule(ack >= this.acked && ack <= this.sealed, 'an ack is of what was sent, and never falls');
      this.acked = ack;
      this.records.push({ type, frames: frames.slice() });
    }
  }
}

/** A path that takes what it has room for and hands it to the peer at once. */
export class ScriptedPath implements SessionPath {
  room = 0;
  isOver = false;
  returned = 0;
  wantsTurn = false;
  sink: SessionPathSink | undefined;
  readonly #peer: HostileSessionPeer;

  constructor(peer: HostileSessionPeer) {
    this.#peer = peer;
  }

  get sendableBytes(): number {
    return this.isOver ? 0 : this.room;
  }

  send(record: readonly Uint8Array[], bytes: number): void {
    assertRule(!this.isOver, 'nothing is sent on a path that ended');
    assertRule(bytes <= this.room, 'a record is sealed only where there is room for it');
    const whole = Buffer.concat(record);
    assertRule(whole.length === bytes, 'a record is as long as its parts');
    this.room -= bytes;
    this.#peer.receive(whole);
  }

  returnCredit(bytes: number): void {
    assertRule(bytes > 0, 'credit is returned for something');
    this.returned += bytes;
  }

  wake(): void {
    this.wantsTurn = true;
  }

  end(): void {
    this.isOver = true;
  }

  reset(): void {
    this.isOver = true;
  }
}
