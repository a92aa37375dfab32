import { statSync } from 'node:fs';
import { foldRecords, type KnownKeycert, type KnownState, type Pin, pinKey } from './record.js';
import { appendRecord, readRecords } from './record-file.js';

export interface Answer {
  readonly id: string;
  readonly service: string;
}

/** The user's known peers: what names meant when they were first used, and the newest keys of every identity. */
export class KnownPeers {
  readonly path: string;
  readonly #nowMs: () => number;
  readonly #onDamaged: (lines: number) => void;
  readonly #reported = new Set<string>();
  #cache: { readonly fingerprint: string; readonly state: KnownState } | undefined;

  constructor(path: string, options: { nowMs?: () => number; onDamaged?: (lines: number) => void } = {}) {
    this.path = path;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#onDamaged = options.onDamaged ?? (() => {});
  }

  async pin(relay: string, name: string): Promise<Pin | undefined> {
    return (await this.state()).pins.get(pinKey(relay, name));
  }

  /** Pins the first answer. Returns the pin that counts, which is another's if another process was first. */
  async addPin(relay: string, name: string, answer: Answer): Promise<Pin> {
    const known = await this.pin(relay, name);
    if (known !== undefined) return known;
    const pin: Pin = { relay, name, id: answer.id, service: answer.service, at: this.#seconds() };
    await appendRecord(this.path, { kind: 'pin', ...pin });
    return (await this.pin(relay, name)) ?? pin;
  }

  /** Remembers an answer that was refused, once per name and process, so that a lying relay cannot fill the file. */
  async addRefused(relay: string, name: string, answer: Answer): Promise<void> {
    const key = pinKey(relay, name);
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    const before = (await this.state()).refused.get(key);
    if (before?.id === answer.id && before.service === answer.service) return;
    await appendRecord(this.path, {
      kind: 'seen',
      relay,
      name,
      id: answer.id,
      service: answer.service,
      at: this.#seconds(),
    });
  }

  async keycert(id: string): Promise<KnownKeycert | undefined> {
    return (await this.state()).keycerts.get(id);
  }

  /** Keeps the keycert if its epoch is higher than any before. */
  async addKeycert(keycert: KnownKeycert): Promise<void> {
    const known = await this.keycert(keycert.id);
    if (known !== undefined && known.epoch >= keycert.epoch) return;
    await appendRecord(this.path, {
      kind: 'keycert',
      id: keycert.id,
      epoch: keycert.epoch,
      keycert: Buffer.from(keycert.bytes).toString('base64'),
      at: this.#seconds(),
    });
  }

  async state(): Promise<KnownState> {
    const fingerprint = this.#fingerprint();
    if (this.#cache?.fingerprint === fingerprint) return this.#cache.state;
    const { records, damaged } = await readRecords(this.path);
    if (damaged > 0 && this.#cache === undefined) this.#onDamaged(damaged);
    const state = foldRecords(records);
    this.#cache = { fingerprint, state };
    return state;
  }

  /** Asked for every handshake. By a call that does not wait: handing it to another thread costs a hundred times as much. */
  #fingerprint(): string {
    try {
      const found = statSync(this.path, { bigint: true, throwIfNoEntry: false });
      return found === undefined ? 'missing' : `${found.ino} ${found.size} ${found.mtimeNs}`;
    } catch (error) {
      return `missing: ${(error as NodeJS.ErrnoException).code}`;
    }
  }

  #seconds(): number {
    return Math.floor(this.#nowMs() / 1000);
  }
}
