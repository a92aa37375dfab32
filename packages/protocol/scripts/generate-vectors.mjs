// Writes packages/protocol/vectors/*.json from vector-cases.mjs with the built package; --check compares instead.
import { readFile, writeFile } from 'node:fs/promises';
import * as protocol from '../dist/index.js';
import * as cases from './vector-cases.mjs';

const check = process.argv.includes('--check');
const hexOf = (bytes) => Buffer.from(bytes).toString('hex');

/** { hex } stands for bytes. */
function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null) return value;
  if (Object.keys(value).join() === 'hex') return new Uint8Array(Buffer.from(value.hex, 'hex'));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
}

const vectors = (codec, list, encode) =>
  list.map(([name, value, note]) => ({ name, codec, ...(note && { note }), value, hex: hexOf(encode(revive(value))) }));

const leases = vectors('lease', cases.leases, protocol.encodeLease);
const files = {
  'frames.json': [
    ...vectors('frame', cases.frames, (f) => protocol.encodeFrame(f.type, f.flags, f.streamId, f.body)),
    ...vectors('goaway', cases.goAways, protocol.encodeGoAway),
    ...vectors('stream-open', cases.streamOpens, protocol.encodeStreamOpen),
    ...vectors('handshake', cases.handshakes, protocol.encodeHandshakeMessage),
  ],
  'messages.json': [...leases, ...vectors('message', cases.messages({ hex: leases[0].hex }), protocol.encodeMessage)],
  'open-requests.json': [
    ...vectors('open', cases.opens, protocol.encodeOpen),
    ...vectors('forward', cases.forwards, protocol.encodeForward),
  ],
  'refusals.json': cases.refusals.map(([name, codec, hex, code]) => ({ name, codec, hex, code })),
};

let changed = 0;
for (const [name, content] of Object.entries(files)) {
  const url = new URL(`../vectors/${name}`, import.meta.url);
  const text = `${JSON.stringify({ format: 1, vectors: content }, null, 1)}\n`;
  if (check) {
    if ((await readFile(url, 'utf8').catch(() => '')) !== text) {
      changed += 1;
      process.stderr.write(`vectors/${name} differs from what this code generates\n`);
    }
  } else {
    await writeFile(url, text);
  }
}
process.exitCode = changed === 0 ? 0 : 1;
