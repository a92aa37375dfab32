// A flood against a relay, or anything that listens: `node flood.mjs [KEYS]`. The parent says `start` with what, how fast and from how
// many addresses, `snapshot` for what came of it, and `stop`.
import { loadCrypto } from '@sealane/crypto';
import { Credential } from '@sealane/crypto/credential';
import { answer, ready } from '../../../../bench/programs/answer.mjs';
import { RawLink, sourceAddress } from './raw-link.mjs';

const keysKept = Number(process.argv[2] ?? 1_000);
const turnMs = 2;
/** Of sockets that hold on, the oldest go beyond this: the generator has to stay below its own limit of files. */
const mostHeld = 8_000;
/** Message 1 of the hybrid suite has about this size. */
const message1Bytes = 1_400;
const linksOfOneAddress = 16;

await loadCrypto();
// Throw-away keys, made before: the flood is to cost the relay, not the generator.
const keys = [];
while (keys.length < keysKept) keys.push(await Credential.create());
const message1 = crypto.getRandomValues(new Uint8Array(message1Bytes));
let run;

answer({
  start: (options) => {
    run = new Run(options);
  },
  snapshot: () => ({ timeMs: performance.now(), ...run.counts() }),
  stop: () => run.stop(),
});
ready();

class Run {
  constructor({ port, kind, addresses, perSecond = null, width = 64, owner }) {
    Object.assign(this, { port, kind, addresses, perSecond, width });
    this.owner = owner === undefined ? undefined : Uint8Array.from(owner);
    this.attempts = 0;
    this.next = 0;
    this.open = 0;
    this.outcomes = {};
    this.sockets = new Set();
    this.links = [];
    this.isRunning = true;
    this.startMs = performance.now();
    this.timer = setInterval(() => this.#turn(), turnMs);
  }

  counts() {
    const { attempts, outcomes } = this;
    return { attempts, outcomes: { ...outcomes }, held: this.sockets.size };
  }

  stop() {
    this.isRunning = false;
    clearInterval(this.timer);
    for (const link of this.sockets) link.abort();
  }

  /** As many as are due, whether the last ones were answered or not; without a rate always `width` at once. */
  #turn() {
    if (this.perSecond === null) {
      // An attempt that ends at once must not keep this turn for ever.
      for (let count = 0; count < this.width && this.isRunning && this.open < this.width; count++) this.#attempt();
      return;
    }
    const due = Math.floor(((performance.now() - this.startMs) / 1_000) * this.perSecond);
    while (this.attempts < due) this.#attempt();
  }

  #attempt() {
    const number = this.next++;
    this.attempts++;
    const address = sourceAddress(number % this.addresses);
    if (this.kind === 'connect') return this.#request(number);
    this.open++;
    let outcome;
    const finish = (name) => {
      if (outcome !== undefined) return;
      outcome = name;
      this.open--;
      this.outcomes[name] = (this.outcomes[name] ?? 0) + 1;
      if (this.perSecond === null) setImmediate(() => this.#turn());
    };
    const last = { silent: 'closed', upgrade: 'hello', handshake: 'up' }[this.kind];
    const link = this.#link(address, number, (step) => {
      if (step === 'open' && this.kind !== 'silent') link.upgrade();
      if (step === 'open' && this.kind === 'silent' && this.perSecond === null) finish('held');
      if (step === 'closed' || step.startsWith('refused')) finish(step);
      else if (step === last || step.startsWith('error')) {
        finish(step);
        link.abort();
      }
    });
  }

  /** On one of the links that stand: one for each address, or as many as one address may have. */
  #request(number) {
    const index = number % (this.addresses === 1 ? linksOfOneAddress : this.addresses);
    const known = this.links[index];
    if (known === undefined || known.isClosed) {
      const link = this.#link(sourceAddress(index % this.addresses), number, (step) => {
        if (step === 'open') link.upgrade();
        if (step === 'up') link.isUp = true;
        if (/^(accepted|rejected|refused|closed|error)/.test(step)) this.#answered(step);
      });
      this.links[index] = link;
      link.waiting = 0;
      return;
    }
    if (!known.isUp && this.perSecond === null) {
      // Nothing was attempted.
      this.attempts--;
      return;
    }
    if (!known.isUp) {
      this.outcomes['not up'] = (this.outcomes['not up'] ?? 0) + 1;
      return;
    }
    this.open++;
    known.request(this.owner, message1);
  }

  #answered(step) {
    this.outcomes[step] = (this.outcomes[step] ?? 0) + 1;
    if (step === 'accepted' || step.startsWith('rejected')) this.open--;
    if (this.perSecond === null) setImmediate(() => this.#turn());
  }

  #link(localAddress, number, onStep) {
    const credential = keys[number % keys.length];
    const untilHello = this.kind === 'upgrade';
    const link = new RawLink({
      port: this.port,
      localAddress,
      credential,
      untilHello,
      onStep: (step) => {
        if (step === 'closed') this.sockets.delete(link);
        if (this.isRunning) onStep(step);
      },
    });
    this.sockets.add(link);
    if (this.sockets.size > mostHeld) this.sockets.values().next().value.abort();
    return link;
  }
}
