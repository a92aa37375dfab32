// Sealing and opening records, by size, through each AEAD backend alone and through the one that Sealane chooses.
// `node bench/records.mjs` after a build. The variants take turns in short slices and the medians are shown, because a
// machine's speed swings by more than the differences: only figures of one run may be compared.
import { performance } from 'node:perf_hooks';
import { CipherState, RecordOpener, RecordSealer } from '../dist/e2ee/index.js';
import { loadCrypto } from '../dist/index.js';
import { libsodiumAead } from '../dist/primitives/aead-libsodium.js';
import { platformCrypto } from '../dist/primitives/platform-node.js';

const SIZES = [64, 256, 1_024, 2_048, 4_096, 8_192, 16_384, 65_536];
const ROUNDS = 11;
const SLICE_BYTES = 4 * 1_024 * 1_024;
const MAX_PLAINTEXT = 66_048;
const FRAMES = 0;

await loadCrypto();
const key = new Uint8Array(32).fill(3);
const ad = new Uint8Array(0);
const prefix = new Uint8Array(8);

function records(size) {
  const body = new Uint8Array(size);
  // An owner, because a dialer's first record has to be CONFIRM.
  const sealer = new RecordSealer(new CipherState(key), 'owner', MAX_PLAINTEXT);
  const opener = new RecordOpener(new CipherState(key), 'dialer', MAX_PLAINTEXT);
  return {
    seal: () => sealer.seal(FRAMES, [prefix, body]).subarray(3),
    open: (sealed) => opener.open(sealed),
  };
}

function backend(aead) {
  return (size) => {
    const body = new Uint8Array(size);
    const nonce = new Uint8Array(12);
    return {
      seal: () => {
        const target = new Uint8Array(size + 16);
        aead.sealInto(key, nonce, ad, [body], target, 0);
        return target;
      },
      open: (sealed) => aead.open(key, nonce, ad, sealed),
    };
  };
}

const variants = { records, libsodium: backend(libsodiumAead) };
if (platformCrypto.aead !== undefined) variants['node:crypto'] = backend(platformCrypto.aead);

/** MB/s of sealing and of opening one slice, in the order in which a session does it. */
function measure(variant, size) {
  const { seal, open } = variant(size);
  const count = Math.max(16, Math.min(4_096, Math.floor(SLICE_BYTES / size)));
  const sealed = [];
  const start = performance.now();
  for (let index = 0; index < count; index++) sealed.push(seal());
  const middle = performance.now();
  for (const record of sealed) open(record);
  const end = performance.now();
  const megabytes = (count * size) / 1e6;
  return [(megabytes / (middle - start)) * 1e3, (megabytes / (end - middle)) * 1e3];
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

console.log(`Node ${process.version}, MB/s sealing / opening, medians of ${ROUNDS} alternating slices`);
console.log(['bytes', ...Object.keys(variants)].map((text) => text.padStart(15)).join(''));
for (const size of SIZES) {
  const results = Object.values(variants).map((variant) => ({ variant, rounds: [] }));
  for (const { variant } of results) measure(variant, size);
  for (let round = 0; round < ROUNDS; round++) {
    for (const { variant, rounds } of results) rounds.push(measure(variant, size));
  }
  const cells = results.map(({ rounds }) =>
    [0, 1].map((side) => Math.round(median(rounds.map((round) => round[side])))).join(' / '),
  );
  console.log([String(size), ...cells].map((text) => text.padStart(15)).join(''));
}
