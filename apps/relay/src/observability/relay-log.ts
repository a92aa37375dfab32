import type { RelayEvent } from '@sealane/server';
import type { Logger } from 'pino';
import type { LogIds, LogLevel } from '../settings/observability-settings.js';
import type { LogSink } from './log-sink.js';

export type LogWeight = Exclude<LogLevel, 'off'>;
export type LogFacts = Readonly<Record<string, unknown>>;

export interface RelayLogOptions {
  readonly level: LogLevel;
  readonly ids: LogIds;
  readonly sink: LogSink;
}

/** Fields that hold an id, of whatever kind. */
const idFields: ReadonlySet<string> = new Set([
  'id',
  'client',
  'owner',
  'link',
  'ownerLink',
  'dialerLink',
  'connection',
  'resume',
]);
const SHORT_ID_LENGTH = 8;
/** An identity, a connection or a link in the midst of a text. */
const idInText = /\b(?:[a-z2-7]{56}|[0-9a-f]{32}|[0-9a-f]{16})\b/gi;

/** The log of a relay for the programs that keep logs: one JSON object per line, ids and numbers only. */
export class RelayLog {
  readonly #sink: LogSink;
  #level: LogLevel;
  #ids: LogIds;
  #logger: Logger | undefined;

  private constructor({ level, ids, sink }: RelayLogOptions) {
    this.#level = level;
    this.#ids = ids;
    this.#sink = sink;
  }

  static async open(options: RelayLogOptions): Promise<RelayLog> {
    const log = new RelayLog(options);
    if (options.level !== 'off') await log.#load();
    return log;
  }

  /** From now on; a log that was off begins a moment later. */
  change({ level, ids }: Pick<RelayLogOptions, 'level' | 'ids'>): void {
    this.#level = level;
    this.#ids = ids;
    if (this.#logger !== undefined) this.#logger.level = pinoLevel(level);
    else if (level !== 'off') void this.#load();
  }

  tell(weight: LogWeight, facts: LogFacts): void {
    const logger = this.#logger;
    if (logger === undefined || !logger.isLevelEnabled(weight)) return;
    logger[weight](this.#ids === 'short' ? shortened(facts) : facts);
  }

  event({ type, ...facts }: RelayEvent): void {
    this.tell(weights[type], { event: type, ...facts });
  }

  /** Standard error has its lines, and what people would read there is among them. */
  get isOnStderr(): boolean {
    return this.#sink.isStderr && this.#logger !== undefined && this.#level !== 'off';
  }

  reopen(): void {
    this.#sink.reopen();
  }

  close(): Promise<void> {
    return this.#sink.close();
  }

  /** A relay without a log does not load the library. */
  async #load(): Promise<void> {
    const { pino } = await import('pino');
    this.#logger ??= pino(
      {
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (level) => ({ level }) },
      },
      this.#sink,
    );
    this.#logger.level = pinoLevel(this.#level);
  }
}

const weights: Readonly<Record<RelayEvent['type'], LogWeight>> = {
  'link-open': 'debug',
  'link-close': 'debug',
  lease: 'info',
  'lease-end': 'info',
  pending: 'info',
  denied: 'info',
  'session-open': 'info',
  'session-close': 'info',
  refused: 'debug',
  warning: 'warn',
  fault: 'error',
};

function pinoLevel(level: LogLevel): string {
  return level === 'off' ? 'silent' : level;
}

function shortened(facts: LogFacts): LogFacts {
  const entries = Object.entries(facts).map(([name, value]) => [name, shortenedValue(value, idFields.has(name))]);
  return Object.fromEntries(entries) as LogFacts;
}

function shortenedValue(value: unknown, isId: boolean): unknown {
  if (typeof value === 'string') {
    return isId ? value.slice(0, SHORT_ID_LENGTH) : value.replace(idInText, (id) => id.slice(0, SHORT_ID_LENGTH));
  }
  if (Array.isArray(value)) return value.map((item) => shortenedValue(item, isId));
  return typeof value === 'object' && value !== null ? shortened(value as LogFacts) : value;
}
