/** Listens without a gap: a second signal that met no listener would end the process as if it had crashed. */
export class StopSignals {
  readonly first: Promise<void>;
  readonly second: Promise<void>;

  constructor() {
    let onFirst = (): void => undefined;
    let onSecond = (): void => undefined;
    this.first = new Promise((resolve) => {
      onFirst = resolve;
    });
    this.second = new Promise((resolve) => {
      onSecond = resolve;
    });
    let count = 0;
    const onSignal = (): void => {
      count++;
      if (count === 1) onFirst();
      else onSecond();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  }
}
