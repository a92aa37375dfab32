import { readdir, stat } from 'node:fs/promises';
import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { maxOpenFiles } from '../open-files.js';

/** How often the loop is looked at: what is shorter is no lag that anybody notices. */
const RESOLUTION_MS = 20;
const WINDOW_MS = 10_000;
const NS_PER_SECOND = 1_000_000_000;

/** Seconds by which the event loop was late. */
export interface LoopLag {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface ProcessReading {
  readonly startTimeSeconds: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
  /** Undefined where the system does not say. */
  readonly openFiles: number | undefined;
  readonly maxFiles: number | undefined;
  /** What keeps the event loop going: sockets, timers, requests. */
  readonly handles: number;
  readonly lag: LoopLag;
  /** Time in which the event loop did something, since the start. */
  readonly loopActiveSeconds: number;
}

/** Reads the process as the system and the engine see it. */
export class ProcessMeter {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #rotation: NodeJS.Timeout;
  readonly #maxFiles = maxOpenFiles();
  /** Of the window before: so that nothing is lost between two scrapes, and one reader takes nothing from another. */
  #before: LoopLag = { p50: 0, p99: 0, max: 0 };

  constructor() {
    this.#delay.enable();
    this.#rotation = setInterval(() => {
      this.#before = lagOf(this.#delay);
      this.#delay.reset();
    }, WINDOW_MS);
    this.#rotation.unref();
  }

  async read(): Promise<ProcessReading> {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    const now = lagOf(this.#delay);
    return {
      startTimeSeconds: performance.timeOrigin / 1_000,
      userSeconds: user / 1_000_000,
      systemSeconds: system / 1_000_000,
      residentBytes: rss,
      heapUsedBytes: heapUsed,
      heapTotalBytes: heapTotal,
      externalBytes: external,
      openFiles: await countOpenFiles(),
      maxFiles: this.#maxFiles,
      handles: process.getActiveResourcesInfo().length,
      lag: {
        p50: Math.max(this.#before.p50, now.p50),
        p99: Math.max(this.#before.p99, now.p99),
        max: Math.max(this.#before.max, now.max),
      },
      loopActiveSeconds: performance.eventLoopUtilization().active / 1_000,
    };
  }

  close(): void {
    clearInterval(this.#rotation);
    this.#delay.disable();
  }
}

/** What is measured is the time between two looks. */
function lagOf(delay: IntervalHistogram): LoopLag {
  const late = (ns: number): number => Math.max(0, ns / NS_PER_SECOND - RESOLUTION_MS / 1_000);
  return { p50: late(delay.percentile(50)), p99: late(delay.percentile(99)), max: late(delay.max) };
}

/** Newer systems have the number in one place; else it is the number of names, which the process itself makes one larger. */
async function countOpenFiles(): Promise<number | undefined> {
  try {
    const { size } = await stat('/proc/self/fd');
    return size > 0 ? size : (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return undefined;
  }
}
