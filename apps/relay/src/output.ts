import type { RelayEvent } from '@sealane/server';
import { isSealaneError } from '@sealane/types';
import { EventRate } from './event-rate.js';
import type { LogFacts, LogWeight, RelayLog } from './observability/relay-log.js';
import type { SettingsChange } from './settings/configuration.js';

/** Unread output beyond this is dropped: whoever does not read our log must not fill our memory. */
const MAX_UNREAD_BYTES = 1_048_576;
const SUMMARY_MS = 1_000;
/** The same trouble is told once in this time. */
const TROUBLE_MS = 10_000;
/** How long a line of what is frequent may wait for others: a write for each costs more than the line. */
const GATHER_MS = 10;
/** They come with each link and with each session. */
const frequent: ReadonlySet<RelayEvent['type']> = new Set(['link-open', 'link-close', 'session-open', 'session-close']);

interface LineSink {
  readonly writableLength: number;
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

export interface OutputOptions {
  readonly json: boolean;
  /** Hears everything that is told here, and more. */
  readonly log?: Pick<RelayLog, 'tell' | 'event' | 'isOnStderr'> | undefined;
  readonly stdout?: LineSink;
  readonly stderr?: LineSink;
  readonly noColor?: boolean;
  readonly rate?: EventRate;
}

export interface Listening {
  readonly url: string;
  readonly id: string;
  /** Of the admin API, where there is one. */
  readonly admin?: string | undefined;
}

/**
 * Tells what happens to people, or with `json` to programs. Refusals are summed up, and so is what clients do above 200
 * lines a second: a flood of it is one line a second.
 */
export class Output {
  readonly #json: boolean;
  readonly #log: OutputOptions['log'];
  readonly #stdout: LineSink;
  readonly #stderr: LineSink;
  readonly #hasColor: boolean;
  readonly #refusals = new Map<string, { code: string; where: string; count: number }>();
  readonly #rate: EventRate;
  readonly #troubles = new Set<string>();
  #forgetTroubles: NodeJS.Timeout | undefined;
  #summary: NodeJS.Timeout | undefined;
  #dropped = 0;
  readonly #gathered: string[] = [];
  #gathering: NodeJS.Timeout | undefined;

  constructor(options: OutputOptions) {
    this.#json = options.json;
    this.#log = options.log;
    this.#stdout = options.stdout ?? process.stdout;
    this.#stderr = options.stderr ?? process.stderr;
    this.#rate = options.rate ?? new EventRate();
    const noColor = options.noColor ?? (process.env['NO_COLOR'] ?? '') !== '';
    this.#hasColor = !noColor && this.#stdout.isTTY === true;
  }

  listening({ url, id, admin }: Listening): void {
    const facts = { url, id, ...(admin === undefined ? {} : { admin }) };
    this.#note('info', { event: 'listening', ...facts });
    const lines = [
      `${this.#bold('relay')} ${url}`,
      `${this.#bold('id')}    ${id}`,
      `${this.#bold('pin')}   ${url}#${id}`,
    ];
    if (admin !== undefined) lines.push(`${this.#bold('admin')} ${admin}`);
    if (this.#json) this.#line({ event: 'listening', ...facts });
    else this.#say(lines.join('\n'));
  }

  warning(code: string, message: string): void {
    this.#note('warn', { event: 'warning', code, message });
    if (this.#json) this.#line({ event: 'warning', code, message });
    else this.#complain(`warning: ${message}\n`);
  }

  /** Settings were read again. */
  reloaded({ changed, needsRestart }: SettingsChange): void {
    this.#note('info', { event: 'reloaded', changed, needsRestart });
    if (this.#json) this.#line({ event: 'reloaded', changed, needsRestart });
    else {
      this.#say(`reloaded${changed.length === 0 ? ', nothing changed' : `: ${changed.join(', ')}`}`);
      if (needsRestart.length > 0) this.#say(`needs a restart: ${needsRestart.join(', ')}`);
    }
  }

  /** They could not be, and are what they were. */
  reloadFailed(code: string, message: string): void {
    this.#note('error', { event: 'reload-failed', code, message });
    if (this.#json) this.#line({ event: 'reload-failed', code, message });
    else this.#complain(`reload failed, the settings are what they were: ${message} (${code})\n`);
  }

  /** Something that may happen often: summed up as refusals are. */
  trouble(code: string, message: string): void {
    if (!this.#troubles.has(message)) this.warning(code, message);
    this.#troubles.add(message);
    this.#forgetTroubles ??= setTimeout(() => {
      this.#troubles.clear();
      this.#forgetTroubles = undefined;
    }, TROUBLE_MS);
    this.#forgetTroubles.unref();
  }

  /** A defect of the program, with what is known of it. */
  fault(error: unknown): void {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.relay({ type: 'fault', code: isSealaneError(error) ? error.code : 'ERR_INTERNAL', message });
  }

  stopping(): void {
    this.#note('info', { event: 'stopping' });
    if (this.#json) this.#line({ event: 'stopping' });
    else this.#say('stopping; a second signal stops at once');
  }

  relay(event: RelayEvent): void {
    if (event.type !== 'warning') this.#log?.event(event);
    if (event.type === 'refused') {
      this.#countRefusal(event.code, event.where);
      return;
    }
    if (event.type === 'warning') {
      this.warning(event.code, event.message);
      return;
    }
    const { type, ...facts } = event;
    if (type !== 'fault' && !this.#rate.take(type)) {
      this.#sumUpSoon();
      return;
    }
    if (this.#json && frequent.has(type)) this.#gather({ event: type, ...facts });
    else if (this.#json) this.#line({ event: type, ...facts });
    else if (type === 'lease')
      this.#say(`lease   ${event.name ?? event.id}${event.service === '' ? '' : `/${event.service}`}`);
    else if (type === 'pending')
      this.#say(`pending ${event.id}${event.service === '' ? '' : `/${event.service}`} waits for approval`);
    else if (type === 'denied') this.#say(`denied  ${event.id} (${event.reason})`);
    else if (type === 'fault') this.#complain(`fault: ${event.message.split('\n')[0]} (${event.code})\n`);
  }

  /** Tells what is not told yet. */
  flush(): void {
    clearTimeout(this.#summary);
    this.#summary = undefined;
    for (const refusal of this.#refusals.values()) {
      this.#note('info', { event: 'refusals', ...refusal });
      if (this.#json) this.#line({ event: 'refused', ...refusal });
      else this.#say(`refused ${refusal.code} (${refusal.where}) ${refusal.count} times`);
    }
    this.#refusals.clear();
    for (const omitted of this.#rate.takeOmitted()) {
      if (this.#json) this.#line({ event: 'omitted', ...omitted });
      else this.#say(`omitted ${omitted.count} lines (${omitted.what})`);
    }
    this.#tellGathered();
  }

  #countRefusal(code: string, where: string): void {
    const key = `${code} ${where}`;
    const known = this.#refusals.get(key);
    if (known === undefined) this.#refusals.set(key, { code, where, count: 1 });
    else known.count++;
    this.#sumUpSoon();
  }

  #sumUpSoon(): void {
    this.#summary ??= setTimeout(() => this.flush(), SUMMARY_MS);
    this.#summary.unref();
  }

  #note(weight: LogWeight, facts: LogFacts): void {
    this.#log?.tell(weight, facts);
  }

  #line(value: Readonly<Record<string, unknown>>): void {
    this.#tellGathered();
    this.#write(`${JSON.stringify(value)}\n`);
  }

  #gather(value: Readonly<Record<string, unknown>>): void {
    this.#gathered.push(`${JSON.stringify(value)}\n`);
    if (this.#gathering !== undefined) return;
    this.#gathering = setTimeout(this.#tellGathered, GATHER_MS);
    this.#gathering.unref();
    process.once('exit', this.#tellGathered);
  }

  readonly #tellGathered = (): void => {
    if (this.#gathering === undefined) return;
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    process.off('exit', this.#tellGathered);
    const lines = this.#gathered.splice(0);
    this.#write(lines.join(''), lines.length);
  };

  #say(text: string): void {
    this.#write(`${text}\n`);
  }

  #complain(text: string): void {
    if (this.#log?.isOnStderr === true) return;
    if (this.#stderr.writableLength <= MAX_UNREAD_BYTES) attempt(this.#stderr, text);
  }

  #write(text: string, lines = 1): void {
    // Once something was dropped, half of it must have been read before anything is told again: else it drops line by line.
    const mostBytes = this.#dropped > 0 ? MAX_UNREAD_BYTES / 2 : MAX_UNREAD_BYTES;
    if (this.#stdout.writableLength > mostBytes) {
      this.#dropped += lines;
      return;
    }
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0)
      attempt(this.#stdout, this.#json ? `${JSON.stringify({ event: 'dropped', count: dropped })}\n` : '');
    attempt(this.#stdout, text);
  }

  #bold(text: string): string {
    return this.#hasColor ? `\u001b[1m${text}\u001b[0m` : text;
  }
}

/** A full disk or a closed terminal may throw here instead of telling by an event; neither stops a relay. */
function attempt(sink: LineSink, text: string): void {
  try {
    sink.write(text);
  } catch {
    // There is nowhere left to tell it.
  }
}
