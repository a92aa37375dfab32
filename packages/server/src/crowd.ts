/** Members in groups, whose largest group gives way first. Every step costs the same for few and for many. */
export class Crowd<Member> {
  /** Of each group its members, in order of arrival. */
  readonly #members = new Map<unknown, Set<Member>>();
  readonly #groupOf = new Map<Member, unknown>();
  /** The groups by how many members they have, in the order in which they came to have so many. */
  readonly #bySize: Set<unknown>[] = [];

  get size(): number {
    return this.#groupOf.size;
  }

  /** All members, in the order in which they were added. */
  members(): Iterable<Member> {
    return this.#groupOf.keys();
  }

  add(member: Member, group: unknown): void {
    if (this.#groupOf.has(member)) return;
    const members = this.#members.get(group) ?? new Set();
    this.#groupOf.set(member, group);
    this.#resize(group, members.size, members.size + 1);
    members.add(member);
    this.#members.set(group, members);
  }

  delete(member: Member): void {
    const group = this.#groupOf.get(member);
    const members = this.#members.get(group);
    if (!this.#groupOf.delete(member) || members === undefined) return;
    members.delete(member);
    this.#resize(group, members.size + 1, members.size);
    if (members.size === 0) this.#members.delete(group);
  }

  /** Its place in the order of arrival stays. */
  move(member: Member, group: unknown): void {
    const before = this.#groupOf.get(member);
    if (!this.#groupOf.has(member) || before === group) return;
    const members = this.#members.get(before);
    members?.delete(member);
    this.#resize(before, (members?.size ?? 0) + 1, members?.size ?? 0);
    if (members?.size === 0) this.#members.delete(before);
    const others = this.#members.get(group) ?? new Set();
    this.#resize(group, others.size, others.size + 1);
    others.add(member);
    this.#members.set(group, others);
    this.#groupOf.set(member, group);
  }

  /** The oldest member of the group that has most; of equal groups, of the one that has so many for longest. */
  oldestOfLargest(): Member | undefined {
    const [largest] = this.#bySize.at(-1) ?? [];
    for (const member of this.#members.get(largest) ?? []) return member;
    return undefined;
  }

  #resize(group: unknown, from: number, to: number): void {
    if (from > 0) this.#bySize[from - 1]?.delete(group);
    if (to > 0) {
      this.#bySize[to - 1] ??= new Set();
      this.#bySize[to - 1]?.add(group);
    }
    while (this.#bySize.length > 0 && this.#bySize.at(-1)?.size === 0) this.#bySize.pop();
  }
}
