import { OwnerCode, Suite } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { ByteWriter } from '../bytes.js';
import { encodeMessage1Payload, parseMessage1Payload } from './message1-payload.js';
import { encodeAcceptance, encodeRefusal, parseMessage2Payload } from './message2-payload.js';
import { writeTlvs } from './tlv.js';

const parameters = { maxRecordPlaintext: 66_048, initialWindow: 262_144, maxStreams: 1_024, features: 0xffff_ffff };
const message1 = (suites: readonly number[]): Uint8Array =>
  encodeMessage1Payload({
    keycert: new Uint8Array(132),
    service: '',
    alpn: ['a'],
    suites,
    kemPublicKey: new Uint8Array(1_184),
    parameters,
  });
const instance = new Uint8Array(16).fill(3);

/** The payload with a TLV after what is in it: the padding has room. */
function withTlv(payload: Uint8Array, type: number): Uint8Array {
  const used = payload.findLastIndex((byte) => byte !== 0) + 1;
  const writer = new ByteWriter(payload.length);
  writer.put(payload.subarray(0, used));
  writeTlvs(writer, [{ type, value: new Uint8Array([1, 2, 3]) }]);
  return writer.bytes;
}

describe('what a peer of a later version adds to message 1', () => {
  it('suites and feature bits that are not known here are passed on, and change nothing', () => {
    const parsed = parseMessage1Payload(message1([9, Suite.HYBRID, 200]), Suite.HYBRID);
    expect([parsed.suites, parsed.parameters.features]).toEqual([[9, Suite.HYBRID, 200], 0xffff_ffff]);
  });

  it('a TLV that is not known here is left out, a critical one is refused', () => {
    const plain = message1([Suite.HYBRID]);
    expect(parseMessage1Payload(withTlv(plain, 0x7abc), Suite.HYBRID)).toEqual(
      parseMessage1Payload(plain, Suite.HYBRID),
    );
    expect(() => parseMessage1Payload(withTlv(plain, 0xfabc), Suite.HYBRID)).toThrow(
      expect.objectContaining({ code: 'ERR_E2EE_HANDSHAKE', message: 'it needs a feature that is not known here' }),
    );
  });
});

describe('what a peer of a later version adds to message 2', () => {
  const accepted = encodeAcceptance({ alpn: 'a', parameters, instance });
  const refused = encodeRefusal(OwnerCode.DENIED, 'no');

  it('feature bits that are not known here change nothing', () => {
    expect(parseMessage2Payload(accepted)).toMatchObject({ code: OwnerCode.OK, parameters });
  });

  it.each([
    ['an acceptance', accepted],
    ['a refusal', refused],
  ])('a TLV of %s that is not known here is left out, a critical one is refused', (_, payload) => {
    expect(parseMessage2Payload(withTlv(payload, 0x7abc))).toEqual(parseMessage2Payload(payload));
    expect(() => parseMessage2Payload(withTlv(payload, 0xfabc))).toThrow(
      expect.objectContaining({ code: 'ERR_E2EE_HANDSHAKE', message: 'it needs a feature that is not known here' }),
    );
  });

  it('a code that is not known here is a refusal all the same', () => {
    expect(parseMessage2Payload(encodeRefusal(999, 'later'))).toMatchObject({ code: 999, reason: 'later' });
  });
});
