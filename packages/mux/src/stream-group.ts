import { TurnList, type TurnTaker } from './turn-list.js';

/** Streams that share the turns of one. */
export class StreamGroup<T extends TurnTaker> implements TurnTaker {
  /** What they have in common. */
  key: object | undefined;
  readonly streams: TurnList<T>;
  deficitBytes = 0;
  isFresh = false;
  isInRound = false;
  isInTurn = false;

  constructor(onRest: (stream: T) => void) {
    this.streams = new TurnList(onRest);
  }

  get isReady(): boolean {
    return this.streams.readyCount > 0;
  }
}
