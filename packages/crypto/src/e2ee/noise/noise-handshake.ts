import { type RandomBytes, SealaneError, systemRandomBytes } from '@sealane/types';
import { concatBytes } from '../../primitives/bytes.js';
import { wipeX25519Secret, x25519, x25519KeyPair } from '../../primitives/x25519.js';
import type { CipherState } from './cipher-state.js';
import type { HandshakePattern, Token } from './handshake-pattern.js';
import { blake2bHash, type NoiseHash } from './noise-hash.js';
import { SymmetricState } from './symmetric-state.js';

const DH_BYTES = 32;
const TAG_BYTES = 16;
/** Largest Noise message (revision 34, section 3). */
const MAX_MESSAGE_BYTES = 65_535;

export interface KeyPair {
  readonly secret: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** A key whose secret is somewhere else: it agrees, and is never seen. */
export interface AgreeingKey {
  readonly publicKey: Uint8Array;
  /** The shared secret in a new array. ERR_NOISE_MESSAGE for a key that gives none. */
  agree(publicKey: Uint8Array): Uint8Array;
}

export interface NoiseHandshakeOptions {
  /** Of a suite, or any other by its name: `parsePattern('NNpsk0+psk2')`. */
  readonly pattern: HandshakePattern;
  readonly initiator: boolean;
  readonly prologue?: Uint8Array;
  /** Default BLAKE2b. */
  readonly hash?: NoiseHash;
  /** Own static key. The caller keeps and wipes it. */
  readonly s?: KeyPair | AgreeingKey;
  /** Own ephemeral key, for vectors only; by default a fresh one. Wiped with the handshake. */
  readonly e?: KeyPair;
  /** The other side's static key, where the pattern has it known beforehand. */
  readonly rs?: Uint8Array;
  /** In the order of the psk tokens. One that is not known yet is given later with `setPsk`. */
  readonly psks?: readonly (Uint8Array | undefined)[];
  readonly random?: RandomBytes;
}

export interface NoiseSplit {
  /** From initiator to responder. */
  readonly c1: CipherState;
  /** From responder to initiator. */
  readonly c2: CipherState;
  /** Third output of the same HKDF call, for exporters. The caller wipes it. */
  readonly master: Uint8Array;
}

/**
 * HandshakeState over 25519 and ChaChaPoly (Noise revision 34, section 5.3), one role of one handshake.
 * A message that fails ends it: every later call throws ERR_NOISE_STATE.
 */
export class NoiseHandshake {
  readonly #pattern: HandshakePattern;
  readonly #initiator: boolean;
  readonly #symmetric: SymmetricState;
  readonly #random: RandomBytes;
  readonly #s: KeyPair | AgreeingKey | undefined;
  #e: KeyPair | undefined;
  #rs: Uint8Array | undefined;
  #re: Uint8Array | undefined;
  readonly #psks: (Uint8Array | undefined)[];
  #pskIndex = 0;
  #messageIndex = 0;
  #failed = false;

  constructor(options: NoiseHandshakeOptions) {
    const hash = options.hash ?? blake2bHash;
    const { pattern } = options;
    this.#pattern = pattern;
    this.#initiator = options.initiator;
    this.#random = options.random ?? systemRandomBytes;
    this.#s = options.s;
    this.#e = options.e;
    this.#rs = options.rs;
    this.#psks = [...(options.psks ?? [])];
    this.#symmetric = new SymmetricState(`Noise_${pattern.name}_25519_ChaChaPoly_${hash.name}`, hash);
    this.#symmetric.mixHash(options.prologue ?? new Uint8Array(0));
    for (const message of pattern.preMessages) {
      // Without fallback patterns, only `s` stands in a pre-message.
      const key = message.fromInitiator === this.#initiator ? this.#s?.publicKey : this.#rs;
      this.#symmetric.mixHash(required(key));
    }
  }

  /** Every message was written or read; `split` may follow. */
  get isComplete(): boolean {
    return !this.#failed && this.#messageIndex === this.#pattern.messages.length;
  }

  /** Whether the next message is this side's to write. */
  get isWriting(): boolean {
    return this.#pattern.messages[this.#messageIndex]?.fromInitiator === this.#initiator;
  }

  /** The channel binding once complete (section 11.2). */
  get handshakeHash(): Uint8Array {
    return this.#symmetric.handshakeHash;
  }

  /** The other side's static key, once it is known. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#rs;
  }

  /** Sets the psk of token `index` before the message that uses it. The caller keeps and wipes it. */
  setPsk(index: number, psk: Uint8Array): void {
    this.#psks[index] = psk;
  }

  /** WriteMessage. The result is a new array. */
  writeMessage(payload: Uint8Array): Uint8Array {
    return this.#step(true, (tokens) => {
      const parts: Uint8Array[] = [];
      for (const token of tokens) {
        if (token === 'e') {
          this.#e ??= x25519KeyPair(this.#random);
          parts.push(this.#e.publicKey);
          this.#mixEphemeral(this.#e.publicKey);
        } else if (token === 's') {
          parts.push(this.#symmetric.encryptAndHash(required(this.#s).publicKey));
        } else {
          this.#mixToken(token);
        }
      }
      parts.push(this.#symmetric.encryptAndHash(payload));
      return concatBytes(parts);
    });
  }

  /** ReadMessage: the payload. Throws ERR_NOISE_MESSAGE, whatever is wrong with it; a low-order key too. */
  readMessage(message: Uint8Array): Uint8Array {
    return this.#step(false, (tokens) => {
      let offset = 0;
      const take = (length: number): Uint8Array => {
        if (message.length > MAX_MESSAGE_BYTES || message.length - offset < length) {
          throw new SealaneError('ERR_NOISE_MESSAGE');
        }
        offset += length;
        return message.slice(offset - length, offset);
      };
      for (const token of tokens) {
        if (token === 'e') {
          this.#re = take(DH_BYTES);
          this.#mixEphemeral(this.#re);
        } else if (token === 's') {
          this.#rs = this.#symmetric.decryptAndHash(take(DH_BYTES + (this.#symmetric.hasKey ? TAG_BYTES : 0)));
        } else {
          this.#mixToken(token);
        }
      }
      return this.#symmetric.decryptAndHash(take(message.length - offset));
    });
  }

  /** The transport ciphers, once; the handshake is wiped. */
  split(): NoiseSplit {
    if (!this.isComplete) throw new SealaneError('ERR_NOISE_STATE');
    const result = this.#symmetric.split();
    this.wipe();
    return result;
  }

  /** Ends the handshake and erases its ephemeral key. */
  wipe(): void {
    this.#failed = true;
    if (this.#e) wipeX25519Secret(this.#e.secret);
    this.#symmetric.wipe();
  }

  #step(writing: boolean, work: (tokens: readonly Token[]) => Uint8Array): Uint8Array {
    const message = this.#pattern.messages[this.#messageIndex];
    if (this.#failed || message === undefined || this.isWriting !== writing) throw new SealaneError('ERR_NOISE_STATE');
    try {
      const result = work(message.tokens);
      if (result.length > MAX_MESSAGE_BYTES) throw new SealaneError('ERR_NOISE_MESSAGE', 'the message is too long');
      this.#messageIndex++;
      return result;
    } catch (error) {
      this.wipe();
      throw error;
    }
  }

  #mixEphemeral(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    if (this.#pattern.pskCount > 0) this.#symmetric.mixKey(publicKey);
  }

  /** The first letter of a DH token is the initiator's key, the second the responder's. */
  #mixToken(token: Exclude<Token, 'e' | 's'>): void {
    if (token === 'psk') {
      this.#symmetric.mixKeyAndHash(required(this.#psks[this.#pskIndex++]));
      return;
    }
    const [local, remote] = this.#initiator ? [token[0], token[1]] : [token[1], token[0]];
    const own = required(local === 'e' ? this.#e : this.#s);
    const other = required(remote === 'e' ? this.#re : this.#rs);
    const shared = 'agree' in own ? own.agree(other) : x25519(own.secret, other, token === 'ss');
    this.#symmetric.mixKey(shared);
    shared.fill(0);
  }
}

function required<T>(key: T | undefined): T {
  if (key === undefined) throw new SealaneError('ERR_NOISE_STATE', 'a key is missing');
  return key;
}
