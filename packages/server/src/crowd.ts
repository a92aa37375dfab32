interface Group<Member> {
  readonly key: unknown;
  readonly members: Member[];
  /** Among the groups with as many members. */
  index: number;
}

interface Place<Member> {
  group: Group<Member>;
  index: number;
}

/** Members in groups, whose largest group gives way first. Every step costs the same for few and for many. */
export class Crowd<Member> {
  readonly #pick: (count: number) => number;
  readonly #groups = new Map<unknown, Group<Member>>();
  /** In the order in which they were added. */
  readonly #places = new Map<Member, Place<Member>>();
  /** The groups by how many members they have. */
  readonly #bySize: Group<Member>[][] = [];

  /** `pick` chooses a whole number below `count`; each is as likely by default. */
  constructor(pick: (count: number) => number = pickAny) {
    this.#pick = pick;
  }

  get size(): number {
    return this.#places.size;
  }

  /** All members, in the order in which they were added. */
  members(): Iterable<Member> {
    return this.#places.keys();
  }

  add(member: Member, key: unknown): void {
    if (!this.#places.has(member)) this.#places.set(member, this.#enter(member, key));
  }

  delete(member: Member): void {
    const place = this.#places.get(member);
    if (place === undefined) return;
    this.#leave(place);
    this.#places.delete(member);
  }

  /** Its place in the order of arrival stays. */
  move(member: Member, key: unknown): void {
    const place = this.#places.get(member);
    if (place === undefined || place.group.key === key) return;
    this.#leave(place);
    Object.assign(place, this.#enter(member, key));
  }

  /**
   * Any member of a group that has most, and `spared` only if there is no other. Not the oldest: where more come than can
   * be served, those are the ones whose turn is next, and nobody would ever be served.
   */
  anyOfLargest(spared?: Member): Member | undefined {
    const groups = this.#bySize.at(-1) ?? [];
    const first = this.#pick(groups.length);
    const members = groups[first]?.members ?? [];
    const index = this.#pick(members.length);
    const chosen = members[index];
    if (chosen !== spared) return chosen;
    if (members.length > 1) return members[(index + 1) % members.length];
    return groups[(first + 1) % groups.length]?.members[0];
  }

  #enter(member: Member, key: unknown): Place<Member> {
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { key, members: [], index: 0 };
      this.#groups.set(key, group);
    } else this.#takeOut(group);
    const index = group.members.push(member) - 1;
    this.#putIn(group);
    return { group, index };
  }

  #leave({ group, index }: Place<Member>): void {
    this.#takeOut(group);
    const last = group.members.pop();
    if (last !== undefined && index < group.members.length) {
      group.members[index] = last;
      const moved = this.#places.get(last);
      if (moved !== undefined) moved.index = index;
    }
    if (group.members.length === 0) this.#groups.delete(group.key);
    else this.#putIn(group);
    while (this.#bySize.at(-1)?.length === 0) this.#bySize.pop();
  }

  #putIn(group: Group<Member>): void {
    const size = group.members.length;
    while (this.#bySize.length < size) this.#bySize.push([]);
    group.index = (this.#bySize[size - 1]?.push(group) ?? 1) - 1;
  }

  #takeOut(group: Group<Member>): void {
    const equals = this.#bySize[group.members.length - 1];
    const last = equals?.pop();
    if (equals === undefined || last === undefined || last === group) return;
    equals[group.index] = last;
    last.index = group.index;
  }
}

function pickAny(count: number): number {
  return Math.floor(Math.random() * count);
}
