import type { Reporter } from '../output/reporter.js';
import { sanitize } from '../output/sanitize.js';

interface ProgressSink {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const LINE_EVERY_MS = 100;
const EVENT_EVERY_MS = 1_000;
/** The rate is that of the last seconds, so that it follows the line. */
const RATE_WINDOW_MS = 3_000;

/** How far a file is: one line that is written anew on a terminal, an event each second for programs, else nothing. */
export class Progress {
  readonly #reporter: Reporter;
  readonly #sink: ProgressSink;
  readonly #nowMs: () => number;
  readonly #samples: { readonly atMs: number; readonly bytes: number }[] = [];
  #file = '';
  #size: number | null = null;
  #bytes = 0;
  #shownAtMs = Number.NEGATIVE_INFINITY;
  #isShown = false;

  constructor(reporter: Reporter, sink: ProgressSink = process.stderr, nowMs: () => number = () => performance.now()) {
    this.#reporter = reporter;
    this.#sink = sink;
    this.#nowMs = nowMs;
  }

  /** A file begins, or goes on at `bytes`. */
  start(file: string, size: number | null, bytes: number): void {
    this.#file = file;
    this.#size = size;
    this.#bytes = bytes;
    this.#samples.length = 0;
    this.#shownAtMs = this.#nowMs();
    this.#samples.push({ atMs: this.#shownAtMs, bytes });
  }

  advance(bytes: number): void {
    this.#bytes += bytes;
    const nowMs = this.#nowMs();
    if (nowMs - this.#shownAtMs < (this.#reporter.json ? EVENT_EVERY_MS : LINE_EVERY_MS)) return;
    this.#shownAtMs = nowMs;
    this.#samples.push({ atMs: nowMs, bytes: this.#bytes });
    while (this.#samples.length > 2 && nowMs - this.#samples[0]!.atMs > RATE_WINDOW_MS) this.#samples.shift();
    this.#show(nowMs);
  }

  /** Before other text is written where the line stands. */
  clear(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#sink.write('\r\u001b[2K');
  }

  #show(nowMs: number): void {
    const first = this.#samples[0]!;
    const bytesPerSecond = Math.round(((this.#bytes - first.bytes) * 1_000) / Math.max(1, nowMs - first.atMs));
    const left = this.#size === null ? null : Math.max(0, this.#size - this.#bytes);
    const etaMs = left === null || bytesPerSecond === 0 ? null : Math.round((left * 1_000) / bytesPerSecond);
    const [file, bytes, size] = [this.#file, this.#bytes, this.#size];
    if (this.#reporter.json) {
      this.#reporter.event({ event: 'progress', file, bytes, size, bytesPerSecond, etaMs });
      return;
    }
    if (this.#sink.isTTY !== true) return;
    const parts = [
      size === null ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(size)}`,
      ...(size === null || size === 0 ? [] : [`${Math.floor((100 * bytes) / size)} %`]),
      `${formatBytes(bytesPerSecond)}/s`,
      ...(etaMs === null ? [] : [`${formatSeconds(etaMs / 1_000)} left`]),
    ];
    const facts = parts.join('  ');
    const room = (this.#sink.columns ?? 80) - facts.length - 3;
    const name = sanitize(file, 60);
    this.#isShown = true;
    this.#sink.write(
      `\r\u001b[2K${room < 4 ? '' : `${name.length > room ? `${name.slice(0, room - 1)}…` : name}  `}${facts}`,
    );
  }
}

const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units, three digits. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit += 1) value /= 1_000;
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.ceil(seconds % 60)} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.ceil((seconds % 3_600) / 60)} min`;
}
