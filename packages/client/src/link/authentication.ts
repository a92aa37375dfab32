import { blake2b, bytesEqual } from '@sealane/crypto';
import { encodeId, type Identity, parseId, parseNodecert } from '@sealane/crypto/credential';
import { SignatureLabel, verify } from '@sealane/crypto/signature';
import {
  appendSignature,
  type ControlMessage,
  commonFeatures,
  decodeMessage,
  type ErrorMessage,
  encodeAuthUnsigned,
  type Hello,
  isAuthority,
  signedBytes,
} from '@sealane/protocol';
import { MessageKind, ProtocolSize, type RandomBytes, relayError, SealaneError } from '@sealane/types';
import { unasked } from './link-error.js';

/** Who a link says that it is: an identity, or a key made for this link alone. */
export type LinkSigner = Pick<Identity, 'publicKey' | 'sign'>;

export interface AuthenticationOptions {
  readonly signer: LinkSigner;
  readonly authority: string;
  /** The relay identity that the caller expects; undefined takes any. */
  readonly relayId: string | undefined;
  readonly features: number;
  readonly initialWindow: number;
  readonly maxStreams: number;
  readonly random: RandomBytes;
}

export interface AuthenticatedRelay {
  readonly relayId: string;
  readonly relayKey: Uint8Array;
  readonly hello: Hello;
  readonly features: number;
  readonly linkId: Uint8Array;
}

/** The client's half of HELLO, AUTH, AUTH_OK (v1.md, "Authentication"): bytes in, bytes out, three steps. */
export class Authentication {
  readonly #options: AuthenticationOptions;
  #state:
    | { readonly step: 'hello' }
    | {
        readonly step: 'answer';
        readonly hello: Hello;
        readonly nodeKey: Uint8Array;
        readonly helloHash: Uint8Array;
        readonly authHash: Uint8Array;
      }
    | { readonly step: 'signing' }
    | { readonly step: 'done' } = { step: 'hello' };

  constructor(options: AuthenticationOptions) {
    if (!isAuthority(options.authority)) {
      throw new SealaneError('ERR_ADDRESS_INVALID', `a relay cannot be named ${options.authority}`);
    }
    this.#options = options;
  }

  /**
   * Takes a MESSAGE body of the relay: AUTH to send after HELLO (a promise where the platform signs), the relay's proof
   * after AUTH_OK.
   * ERR_RELAY_IDENTITY when the relay is not the one expected or cannot prove what it says, a relay's refusal, or
   * ERR_PROTOCOL_*.
   */
  receive(
    body: Uint8Array,
  ): { readonly auth: Uint8Array | Promise<Uint8Array> } | { readonly relay: AuthenticatedRelay } {
    const message = decodeMessage(body, ProtocolSize.PRE_AUTH);
    if (message.kind === MessageKind.ERROR) throw refusal(message);
    const state = this.#state;
    if (state.step === 'hello') return { auth: this.#answerHello(message, body) };
    if (state.step !== 'answer' || message.kind !== MessageKind.AUTH_OK) throw unasked();
    this.#state = { step: 'done' };
    const { hello, nodeKey, helloHash, authHash } = state;
    if (!verify(SignatureLabel.AUTH_OK, nodeKey, message.signature, helloHash, authHash, signedBytes(body))) {
      throw unproven();
    }
    return {
      relay: {
        relayId: encodeId(hello.relay),
        relayKey: hello.relay.slice(),
        hello,
        // What a relay claims beyond that was not offered by both.
        features: commonFeatures(commonFeatures(this.#options.features, hello.features), message.features),
        linkId: message.linkId.slice(),
      },
    };
  }

  #answerHello(message: ControlMessage, body: Uint8Array): Uint8Array | Promise<Uint8Array> {
    if (message.kind !== MessageKind.HELLO) throw unasked();
    const { relayId, signer, random, authority, features, initialWindow, maxStreams } = this.#options;
    if (relayId !== undefined && !bytesEqual(message.relay, parseId(relayId))) {
      throw new SealaneError('ERR_RELAY_IDENTITY', 'the relay is not the one that was expected', {
        details: { expected: relayId, found: encodeId(message.relay) },
      });
    }
    const nodeKey = provenNodeKey(message);
    const helloHash = blake2b(32, body);
    const unsigned = encodeAuthUnsigned({
      client: signer.publicKey,
      nonce: random(ProtocolSize.NONCE),
      authority,
      features,
      initialWindow,
      maxStreams,
    });
    const finish = (signature: Uint8Array): Uint8Array => {
      const auth = appendSignature(unsigned, signature);
      this.#state = { step: 'answer', hello: message, nodeKey, helloHash, authHash: blake2b(32, auth) };
      return auth;
    };
    this.#state = { step: 'signing' };
    const signature = signer.sign(SignatureLabel.AUTH, helloHash, unsigned);
    return signature instanceof Promise ? signature.then(finish) : finish(signature);
  }
}

/** A certificate of another relay is worth as much as one that does not verify. */
function provenNodeKey(hello: Hello): Uint8Array {
  let cause: unknown;
  try {
    const { identity, nodeKey } = parseNodecert(hello.nodecert);
    if (bytesEqual(identity, hello.relay)) return nodeKey;
  } catch (error) {
    cause = error;
  }
  throw unproven(cause);
}

function unproven(cause?: unknown): SealaneError {
  return new SealaneError('ERR_RELAY_IDENTITY', 'the relay could not prove its identity', { cause });
}

/** The error that a relay's ERROR stands for. */
export function refusal(message: ErrorMessage): SealaneError {
  return relayError(message.code, message.text || undefined, {
    details: message.value === null ? {} : { value: message.value },
  });
}
