import { blake2b } from '@sealane/crypto';
import { SignatureLabel, verify } from '@sealane/crypto/signature';
import {
  type Auth,
  appendSignature,
  commonFeatures,
  decodeMessage,
  encodeAuthOkUnsigned,
  encodeFrame,
  encodeMessage,
  forEachFrame,
  signedBytes,
} from '@sealane/protocol';
import {
  FrameType,
  LinkFeature,
  MessageKind,
  MuxLimit,
  ProtocolSize,
  RelayCode,
  relayError,
  SealaneError,
} from '@sealane/types';
import type { RelayConfig } from './relay-config.js';

/** Length of H in what is signed. */
const HASH_BYTES = 32;

/** LinkFeature bits that this relay knows what to do with. */
export const RELAY_FEATURES: number = LinkFeature.LIST | LinkFeature.RESUME | LinkFeature.ADMISSION;

/** A HELLO for one link. */
export interface Greeting {
  /** The frame to send. */
  readonly frame: Uint8Array;
  readonly helloHash: Uint8Array;
}

/** What a link knows of its client once AUTH verified. Arrays are copies. */
export interface AuthenticatedClient {
  readonly key: Uint8Array;
  readonly features: number;
  readonly initialWindow: number;
  readonly maxStreams: number;
  /** H(AUTH), which AUTH_OK answers to. */
  readonly authHash: Uint8Array;
}

/** HELLO with a fresh challenge (v1.md, "Authentication"). */
export function createGreeting(config: RelayConfig): Greeting {
  const { limits, identity, nodecert, random, features } = config;
  const body = encodeMessage({
    kind: MessageKind.HELLO,
    relay: identity.publicKey,
    nodecert,
    challenge: random(ProtocolSize.CHALLENGE),
    features,
    limits: {
      maxMessage: ProtocolSize.MESSAGE,
      maxData: ProtocolSize.OUTER_DATA,
      initialWindow: MuxLimit.initialWindowBytes,
      maxStreams: limits.streamsPerLink,
      leaseTtlMinMs: limits.leaseTtlMinMs,
      leaseTtlMaxMs: limits.leaseTtlMaxMs,
      idleMs: limits.pingIntervalMs,
    },
  });
  return { frame: encodeFrame(FrameType.MESSAGE, 0, 0, body), helloHash: blake2b(HASH_BYTES, body) };
}

/**
 * The body of the one AUTH that the first message must be.
 * @throws ERR_PROTOCOL_FRAME, ERR_PROTOCOL_MESSAGE, ERR_PROTOCOL_LIMIT
 */
export function readAuthBody(message: Uint8Array | readonly Uint8Array[]): Uint8Array {
  const parts = message instanceof Uint8Array ? [message] : message;
  if (parts.reduce((sum, { length }) => sum + length, 0) > ProtocolSize.PRE_AUTH) {
    throw new SealaneError('ERR_PROTOCOL_LIMIT', 'a message before AUTH exceeds its limit');
  }
  let body: Uint8Array | undefined;
  let frames = 0;
  const ignored = forEachFrame(
    parts,
    { maxDataBytes: 0, maxOpenBytes: 0, maxMessageBytes: ProtocolSize.PRE_AUTH },
    (frame) => {
      frames++;
      if (frame.type === FrameType.MESSAGE && frame.streamId === 0) body = frame.body;
    },
  );
  if (body === undefined || frames !== 1 || ignored !== 0) {
    throw new SealaneError('ERR_PROTOCOL_FRAME', 'the first message is one AUTH and nothing else');
  }
  return body;
}

/**
 * Checks AUTH against the HELLO it answers. Costs one signature check.
 * @throws ERR_PROTOCOL_*; ERR_RELAY_WRONG_AUTHORITY, ERR_RELAY_AUTH with the wire code in `details`
 */
export function verifyAuth(config: RelayConfig, helloHash: Uint8Array, body: Uint8Array): AuthenticatedClient {
  const auth = decodeMessage(body, ProtocolSize.PRE_AUTH);
  if (auth.kind !== MessageKind.AUTH) {
    throw new SealaneError('ERR_PROTOCOL_MESSAGE', 'the first message is AUTH');
  }
  assertAuthority(config, auth);
  if (!verify(SignatureLabel.AUTH, auth.client, auth.signature, helloHash, signedBytes(body))) {
    throw relayError(RelayCode.AUTH, 'the signature does not verify');
  }
  return {
    key: auth.client.slice(),
    features: commonFeatures(config.features, auth.features),
    initialWindow: auth.initialWindow,
    maxStreams: auth.maxStreams,
    authHash: blake2b(HASH_BYTES, body),
  };
}

/** AUTH_OK, signed by the node key. */
export function createAuthOk(
  config: RelayConfig,
  helloHash: Uint8Array,
  client: AuthenticatedClient,
  linkId: Uint8Array,
): Uint8Array {
  const unsigned = encodeAuthOkUnsigned({ features: client.features, linkId });
  return appendSignature(unsigned, config.nodeKey.sign(SignatureLabel.AUTH_OK, helloHash, client.authHash, unsigned));
}

/** Never compared with the Host header, which proxies rewrite. */
function assertAuthority(config: RelayConfig, auth: Auth): void {
  const { authorities } = config;
  const [first] = authorities;
  if (first === undefined || authorities.includes(auth.authority)) return;
  throw relayError(RelayCode.WRONG_AUTHORITY, `this relay is ${first}`);
}
