import { describe, expect, it } from 'vitest';
import { quantumBytes, TurnList, type TurnTaker } from './turn-list.js';

class Member implements TurnTaker {
  readonly name: string;
  isReady = false;
  deficitBytes = 0;
  isFresh = false;
  isInRound = false;
  isInTurn = false;
  sentBytes = 0;

  constructor(name: string) {
    this.name = name;
  }
}

class Turns {
  readonly list: TurnList<Member> = new TurnList((member) => this.rested.push(member));
  readonly rested: Member[] = [];

  wake(member: Member): void {
    if (member.isReady) return;
    member.isReady = true;
    this.list.change(member);
  }

  /** One frame; `rests` says whether the member has nothing more then. Returns who sent. */
  send(frameBytes: number, rests: (member: Member) => boolean): Member {
    for (let looks = 0; looks < 1_000; looks += 1) {
      const member = this.list.next();
      if (member === undefined) throw new Error('nobody is ready');
      if (member.deficitBytes < frameBytes) {
        this.list.endTurn(member);
        continue;
      }
      member.sentBytes += frameBytes;
      if (rests(member)) {
        member.isReady = false;
        this.list.change(member);
      }
      this.list.sent(member, frameBytes);
      return member;
    }
    throw new Error('no frame in 1,000 looks');
  }
}

describe('turns', () => {
  it('give one quantum a round, whatever the rhythm: who always goes quiet and comes back gains nothing', () => {
    const turns = new Turns();
    const steady = Array.from({ length: 10 }, (_, index) => new Member(`steady ${index}`));
    const rhythmic = new Member('rhythmic');
    for (const member of [...steady, rhythmic]) turns.wake(member);
    let left = quantumBytes;
    for (let frame = 0; frame < 30_000; frame += 1) {
      turns.send(1_040, (member) => {
        if (member !== rhythmic) return false;
        left -= 1_040;
        return left === 0;
      });
      if (rhythmic.isReady) continue;
      left = quantumBytes;
      turns.wake(rhythmic);
    }
    const most = Math.max(...steady.map(({ sentBytes }) => sentBytes));
    expect(rhythmic.sentBytes).toBeLessThanOrEqual(most + 2 * quantumBytes);
    expect(rhythmic.sentBytes).toBeGreaterThanOrEqual(most - 2 * quantumBytes);
  });

  it('let a member that used little of its turn go first again in the same round', () => {
    const turns = new Turns();
    const bulk = Array.from({ length: 100 }, (_, index) => new Member(`bulk ${index}`));
    const asking = new Member('asking');
    for (const member of bulk) turns.wake(member);
    // All of them leave the place of the new ones.
    for (let frame = 0; frame < 200; frame += 1) turns.send(quantumBytes, () => false);
    for (let question = 0; question < 50; question += 1) {
      turns.wake(asking);
      expect(turns.send(64, (member) => member === asking)).toBe(asking);
      turns.send(quantumBytes, () => false);
    }
  });

  it('keep few places for who is at rest while others wait, and none once nobody does', () => {
    const turns = new Turns();
    const bulk = new Member('bulk');
    turns.wake(bulk);
    for (let frame = 0; frame < 4; frame += 1) turns.send(quantumBytes, () => false);
    let mostPlaces = 0;
    for (let count = 0; count < 10_000; count += 1) {
      const short = new Member(`short ${count}`);
      turns.wake(short);
      while (short.isReady) turns.send(64, (member) => member === short);
      mostPlaces = Math.max(mostPlaces, turns.list.places);
    }
    // Those of 64 KiB of new data, until the round comes by.
    expect(mostPlaces).toBeLessThanOrEqual(1_026);
    turns.send(64, () => true);
    expect(turns.list.places).toBe(0);
    expect(turns.rested.length).toBe(10_001);
  });
});
