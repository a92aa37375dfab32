/** What may have a place in a {@link PlaceList}: then its neighbours there, which belong to the list. */
export interface Placed {
  before: Placed | undefined;
  after: Placed | undefined;
}

/** Members in the order in which they were put last; one that was taken out points nowhere (decision 0105 says why no Map). */
export class PlaceList<T extends Placed> implements Placed {
  before: Placed = this;
  after: Placed = this;

  get first(): T | undefined {
    return this.after === this ? undefined : (this.after as T);
  }

  /** Puts it behind all others, wherever it was. */
  put(member: T): void {
    this.remove(member);
    member.before = this.before;
    member.after = this;
    this.before.after = member;
    this.before = member;
  }

  remove(member: T): void {
    const { before, after } = member;
    if (before === undefined || after === undefined) return;
    before.after = after;
    after.before = before;
    member.before = undefined;
    member.after = undefined;
  }
}
