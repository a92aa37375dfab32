import { blake2b } from '@sealane/crypto';
import { SigningKey } from '@sealane/crypto/credential';
import { SignatureLabel } from '@sealane/crypto/signature';
import { appendSignature, decodeMessage, encodeAuthUnsigned, encodeFrame, forEachFrame } from '@sealane/protocol';
import { seededRandom } from '@sealane/testkit';
import { FrameType, MessageKind } from '@sealane/types';
import { prepareIdentities } from '../src/identities.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { fromHex, protocolVectors } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';
import { RelayStage } from './support/relay-stage.js';

/**
 * What a stranger says to a relay: `flags u8 | rest`. Flag 1: `rest` is an AUTH that the stranger signs rightly, changed
 * where the script says so; otherwise `rest` are whole messages, `u16 length | message`.
 */
export const relayBeforeAuthTarget: Target = {
  name: 'relay-before-auth',
  shape: { kind: 'bytes' },
  maxBytes: 4_400,
  weight: 2,
  prepare: prepareIdentities,
  seeds: () => [
    fromHex('0100000000'),
    fromHex('03000004000000000000'),
    fromHex('0901020000000a'),
    ...protocolVectors('message').map((body) => {
      const frame = encodeFrame(FrameType.MESSAGE, 0, 0, body);
      return new Uint8Array([0, frame.length >>> 8, frame.length, ...frame]);
    }),
  ],
  async run(input) {
    const script = new Script(input);
    const flags = script.u8();
    const stage = await RelayStage.create({ authorities: (flags & 8) === 0 ? [] : ['relay.example:443'] });
    const link = stage.link();
    let hello: Uint8Array | undefined;
    let isIn = false;
    let isOver = false;
    link.start({
      onMessage: (message) =>
        forEachFrame(message, { maxDataBytes: 0, maxOpenBytes: 0, maxMessageBytes: 8_192 }, ({ type, body }) => {
          if (hello === undefined) {
            hello = body.slice();
            return;
          }
          if (isIn) return;
          assertRule(
            type === FrameType.MESSAGE && message.length <= hello.length + 9,
            'no answer is larger than HELLO',
          );
          const answer = decodeMessage(body);
          isIn = answer.kind === MessageKind.AUTH_OK;
          assertRule(isIn || answer.kind === MessageKind.ERROR, 'a stranger gets a refusal or gets in');
        }),
      onDrain: () => undefined,
      onEnd: () => {
        isOver = true;
      },
    });
    await stage.pass();
    assertRule(hello !== undefined, 'a relay says who it is');
    if ((flags & 1) === 0) {
      while (!script.isOver && !isOver) link.send(script.bytes(script.u16()).slice());
      await stage.pass();
      assertRule(!isIn, 'nobody gets in without a signature');
    } else {
      const frame = createAuth(script, flags, hello);
      if (frame !== undefined) link.send(frame);
      await stage.pass();
      assertRule(!isIn || (flags & 6) === 0, 'nobody gets in with a wrong signature');
    }
    stage.check();
    link.abort();
    await stage.finish([]);
  },
};

/** Flag 2: a byte of the frame is changed after it was signed. Flag 4: signed for another HELLO. */
function createAuth(script: Script, flags: number, hello: Uint8Array): Uint8Array | undefined {
  const key = SigningKey.create(seededRandom(script.below(2)));
  const unsigned = accepted(['ERR_PROTOCOL_'], () =>
    encodeAuthUnsigned({
      client: key.publicKey,
      nonce: new Uint8Array(32),
      authority: script.pick(['relay.example:443', 'other.example:1', '[::1]:9']),
      features: script.u32(),
      initialWindow: script.u32(),
      maxStreams: script.u32(),
    }),
  );
  if (unsigned === undefined) return undefined;
  const hash = blake2b(32, (flags & 4) === 0 ? hello : hello.subarray(1));
  const body = appendSignature(unsigned, key.sign(SignatureLabel.AUTH, hash, unsigned));
  const frame = encodeFrame(FrameType.MESSAGE, 0, 0, body);
  if ((flags & 2) !== 0) frame[9 + (script.u16() % body.length)]! ^= 1 << script.below(8);
  return frame;
}
