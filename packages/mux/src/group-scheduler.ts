import type { StreamCore } from './stream-core.js';
import { StreamGroup } from './stream-group.js';
import { TurnList } from './turn-list.js';

type Group = StreamGroup<StreamCore>;

/** Of a scheduler that never had two at once. Nothing is ever added. */
const noGroups = new Map<object | undefined, Group>();

/** The last one that was forgotten, of any mux: one that is at rest between two messages makes none for each. */
let spare: Group | undefined;

const leaveGroup = (stream: StreamCore): void => {
  stream.turnGroup = undefined;
};

/**
 * Turns go round among groups of streams (`MuxStream.group`), and among the streams of a group within its turns, both in
 * deficit round robin. Streams without a group are one together. For one mux.
 */
export class GroupScheduler {
  #turns: TurnList<Group> | undefined;
  /** Those with a place among the groups; what is at rest is not kept. */
  #byKey: Map<object | undefined, Group> = noGroups;
  /** One of them stands here: where there are no others, as mostly, no map is changed all the time. */
  #only: Group | undefined;
  /** The group of the stream that `next` returned. */
  #group: Group | undefined;

  /** @internal Whether a stream could send now. */
  get hasReady(): boolean {
    return this.#turns !== undefined && this.#turns.readyCount > 0;
  }

  /** @internal Places that streams have, those without anything to send among them. */
  get places(): number {
    let places = 0;
    for (const { streams } of this.#all()) places += streams.places;
    return places;
  }

  /** @internal Groups that have a place. */
  get groupCount(): number {
    return this.#all().length;
  }

  /** @internal The stream's `isReady` changed. */
  change(stream: StreamCore): void {
    const group = stream.turnGroup ?? this.#groupOf(stream);
    const wasReady = group.isReady;
    group.streams.change(stream);
    if (group.isReady !== wasReady) this.#groups().change(group);
  }

  /** @internal The stream whose turn it is; call `sent` or `endTurn` for it before asking again. */
  next(): StreamCore | undefined {
    this.#group = this.#groups().next();
    return this.#group?.streams.next();
  }

  /** @internal What the stream whose turn it is may send of it. */
  allowanceBytes(stream: StreamCore): number {
    const group = this.#group;
    if (group === undefined || this.#isAlone()) return stream.deficitBytes;
    return Math.min(stream.deficitBytes, group.deficitBytes);
  }

  /** @internal Charges a frame to the stream whose turn it is. */
  sent(stream: StreamCore, bytes: number): void {
    const group = this.#group;
    if (group === undefined) return;
    group.streams.sent(stream, bytes);
    if (!group.isReady || !this.#isAlone()) this.#groups().sent(group, bytes);
  }

  /** @internal A frame that costs so much has to wait for another turn, of the stream or of its group. */
  endTurn(stream: StreamCore, cost: number): void {
    const group = this.#group;
    if (group === undefined) return;
    if (cost > stream.deficitBytes) group.streams.endTurn(stream);
    else this.#groups().endTurn(group);
  }

  /** @internal */
  clear(): void {
    for (const group of this.#all()) group.streams.clear();
    this.#turns?.clear();
    this.#only = undefined;
    this.#byKey.clear();
  }

  #groups(): TurnList<Group> {
    this.#turns ??= new TurnList((group) => this.#forget(group));
    return this.#turns;
  }

  #all(): Group[] {
    return [...(this.#only === undefined ? [] : [this.#only]), ...this.#byKey.values()];
  }

  #isAlone(): boolean {
    return this.#groups().readyCount === 1;
  }

  #groupOf(stream: StreamCore): Group {
    const key = stream.group;
    let group = this.#only !== undefined && this.#only.key === key ? this.#only : this.#byKey.get(key);
    if (group === undefined) {
      group = spare ?? new StreamGroup(leaveGroup);
      spare = undefined;
      group.key = key;
      this.#keep(group);
    }
    stream.turnGroup = group;
    return group;
  }

  #keep(group: Group): void {
    if (this.#only === undefined) this.#only = group;
    else {
      if (this.#byKey === noGroups) this.#byKey = new Map();
      this.#byKey.set(group.key, group);
    }
  }

  #forget(group: Group): void {
    group.streams.rest();
    if (this.#only === group) this.#only = undefined;
    else this.#byKey.delete(group.key);
    group.key = undefined;
    spare = group;
  }
}
