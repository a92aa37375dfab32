import { parseProxyHeader, startsAsProxyHeader } from '../../server/src/proxy-protocol.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';

const signature = '0d0a0d0a000d0a515549540a';
const MAX_BYTES = 16 + 2_048;

/** What a proxy writes before a connection, and what somebody who is none may write in its place. */
export const proxyHeaderTarget: Target = {
  name: 'proxy-header',
  shape: { kind: 'bytes' },
  maxBytes: 2_200,
  dictionary: [signature, '2111000c', '2121 0024', '20000000', '21000000', '213100d8'].map((hex) =>
    fromHex(hex.replaceAll(' ', '')),
  ),
  seeds: () =>
    [
      '2111000ccb00710107f0000112341bb',
      '2111000ccb0071017f0000011234 01bb 474554',
      `2121 0024 20010db8000000000000000000000001 ${'00'.repeat(15)}01 1234 01bb`,
      `2121 0024 00000000000000000000ffffcb007101 ${'00'.repeat(15)}01 1234 01bb`,
      '2111 0013 cb007101 7f000001 1234 01bb 04 0004 deadbeef',
      '2000 0000',
      '2000 0003 aabbcc',
      '2100 0000',
      `2131 00d8 ${'2f'.repeat(216)}`,
      '2112 000c cb0071017f000001123401bb',
      '3111 000c',
    ].map((hex) => {
      const plain = hex.replaceAll(' ', '');
      return fromHex(`${signature}${plain.length % 2 === 0 ? plain : `${plain}0`}`);
    }),
  run(input) {
    const header = accepted(['ERR_PROTOCOL_MESSAGE'], () => ({ it: parseProxyHeader(input) }));
    let inPieces: ReturnType<typeof parseProxyHeader>;
    let refusedAt = -1;
    // Every length where something is decided, and some between.
    for (let end = 1; end <= input.length && inPieces === undefined && refusedAt < 0; end = next(end, input.length)) {
      const part = accepted(['ERR_PROTOCOL_MESSAGE'], () => ({ it: parseProxyHeader(input.subarray(0, end)) }));
      if (part === undefined) refusedAt = end;
      else inPieces = part.it;
    }
    assertRule(refusedAt < 0 === (header !== undefined), 'pieces change nothing');
    if (header?.it === undefined) {
      assertRule(header === undefined || input.length < MAX_BYTES, 'what can be no header is refused in time');
      return;
    }
    const { bytes, source } = header.it;
    assertRule(inPieces?.bytes === bytes && `${inPieces.source}` === `${source}`, 'pieces change nothing');
    assertRule(startsAsProxyHeader(input), 'a header begins with the signature');
    assertRule(bytes >= 16 && bytes <= Math.min(input.length, MAX_BYTES), 'a header lies within what came');
    assertRule(bytes === 16 + (((input[14] ?? 0) << 8) | (input[15] ?? 0)), 'a header is as long as it says');
    assertRule(source === undefined || source.length === 4 || source.length === 16, 'a source is an address');
    if ((input[12] ?? 0) === 0x20) assertRule(source === undefined, 'LOCAL names nobody');
    if (source !== undefined) source.fill(0);
    assertRule(startsAsProxyHeader(input), 'the source is a copy');
  },
};

function next(end: number, length: number): number {
  return end < 20 || end >= length ? end + 1 : Math.min(length, end + 61);
}
