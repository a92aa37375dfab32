import { createHash } from 'node:crypto';
import { isSealaneError, MessageKind } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { codecs, fromHex, readVectorFile, refusals, revive, thrownBy, toHex, vectors } from './vector-file.js';

/** A change here is a change of the wire: it needs a reason, not a regeneration. */
const fileHashes = {
  'frames.json': '5ab8a5d5d3139a110e73f5aefa78789c69d0661c8eb9cc59f205ff6b02e73a0d',
  'messages.json': '615c15530e2faa63aaec3e2044930771e3030cde763199d871d221a1e74f26a9',
  'open-requests.json': '1d9ebe6feac0d5880dad2f43e341aed21675c29c643ed92e2a0f552897679442',
  'refusals.json': '47e7d7e0fb42b77572be178b35d047f64cff35711a2e33648c36eda2da1e9216',
};

describe('the vectors of the wire', () => {
  it.each(Object.entries(fileHashes))('%s does not change silently', (name, hash) => {
    expect(createHash('sha256').update(readVectorFile(name)).digest('hex')).toBe(hash);
  });

  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s encodes to its bytes and back', (_, vector) => {
    const codec = codecs[vector.codec]!;
    expect(toHex(codec.encode(revive(vector.value) as never))).toBe(vector.hex);
    if (vector.name !== 'IGNORED') expect(codec.decode(fromHex(vector.hex))).toEqual(revive(vector.value));
  });

  it.each(refusals.map((refusal) => [refusal.name, refusal] as const))('%s is refused with its code', (_, refusal) => {
    const error = thrownBy(() => codecs[refusal.codec]!.decode(fromHex(refusal.hex)));
    expect(isSealaneError(error) && error.code).toBe(refusal.code);
  });

  it('every kind of control message has a vector', () => {
    const kinds = vectors.filter((vector) => vector.codec === 'message').map((vector) => fromHex(vector.hex)[0]);
    expect([...new Set(kinds)].sort((a, b) => a! - b!)).toEqual(Object.values(MessageKind));
  });

  it('no prefix of a control message is a message', () => {
    for (const vector of vectors.filter(({ codec }) => codec === 'message' || codec === 'open')) {
      const whole = fromHex(vector.hex);
      for (let length = 0; length < whole.length; length += 1) {
        const error = thrownBy(() => codecs[vector.codec]!.decode(whole.subarray(0, length)));
        expect(isSealaneError(error, 'ERR_PROTOCOL_MESSAGE'), `${vector.name} cut at ${length}`).toBe(true);
      }
    }
  });
});
