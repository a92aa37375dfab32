// Holds clients that have a lease and nothing else, on sockets of many addresses: `node holder.mjs PORT FIRST_ADDRESS ADDRESSES`.
// The parent says `hold` with how many there shall be, `replace` to let some go for new ones, `count`, and `release`.
import { loadCrypto } from '@sealane/crypto';
import { Credential } from '@sealane/crypto/credential';
import { answer, ready, runAll } from '../../../../bench/programs/answer.mjs';
import { RawLink, sourceAddress } from './raw-link.mjs';

const [port, firstAddress, addresses] = process.argv.slice(2).map(Number);
const width = 24;
const renewMs = 120_000;
const held = new Set();
let opened = 0;
let lost = 0;

await loadCrypto();
answer({
  hold: async ({ count }) => {
    await runAll(count - held.size, width, open);
    return state();
  },
  replace: async ({ count }) => {
    for (const link of [...held].slice(0, count)) drop(link);
    await runAll(count, width, open);
    return state();
  },
  count: state,
  release: () => {
    for (const link of [...held]) drop(link);
    return state();
  },
});
ready();

function state() {
  return { held: held.size, lost };
}

async function open() {
  const credential = await Credential.create();
  const localAddress = sourceAddress(firstAddress + (opened++ % addresses));
  await new Promise((resolve, reject) => {
    let reached = 'nothing';
    const link = new RawLink({
      port,
      localAddress,
      credential,
      onStep: (step) => {
        if (step === 'open') link.upgrade();
        else if (step === 'up') link.register();
        else if (step === 'leased') {
          held.add(link);
          link.timer = setInterval(() => link.renew(), renewMs);
          resolve();
        } else if (step === 'closed') {
          clearInterval(link.timer);
          if (held.delete(link)) lost++;
          else reject(new Error(`a client was refused after: ${reached}`));
        }
        reached = step;
      },
    });
  });
}

function drop(link) {
  held.delete(link);
  clearInterval(link.timer);
  link.abort();
}
