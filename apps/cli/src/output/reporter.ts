import { describeEvent } from './describe-event.js';
import type { CliEvent } from './events.js';
import { atEnd } from './exit.js';
import { createLineGatherer } from './line-gatherer.js';
import { encodeJsonLine } from './sanitize.js';
import { createStyle } from './style.js';

export interface OutputOptions {
  /** Every line on the output is one JSON object. */
  readonly json: boolean;
  /** Standard output carries payload: everything said goes to standard error. */
  readonly payloadOnStdout?: boolean;
  /** These events are not told here. */
  readonly isUntold?: (event: CliEvent) => boolean;
}

export interface Reporter {
  readonly json: boolean;
  event(event: CliEvent): void;
}

/** Unread output beyond this is dropped and counted: whoever does not read our events must not fill our memory. */
const maxUnreadBytes = 1_048_576;
/** How often people are told of the same trouble. */
const repeatMs = 30_000;

interface LineSink {
  readonly writableLength: number;
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Comes for each local connection, and is told together with others of its kind. */
const frequent: CliEvent['event'] = 'stream';

/** Tells events to people, or with `json` to programs. */
export function createReporter(
  options: OutputOptions,
  stdout: LineSink = process.stdout,
  stderr: LineSink = process.stderr,
  nowMs: () => number = () => performance.now(),
): Reporter {
  const main = options.payloadOnStdout ? stderr : stdout;
  let dropped = 0;
  /** By relay, of which a program has a few. */
  const troubles = new Map<string | undefined, { readonly text: string | undefined; readonly sinceMs: number }>();
  /** Attempts that fail in the same way come every second; people want to hear of them now and then. */
  const isRepeated = (event: CliEvent): boolean => {
    if (options.json || event.event !== 'status') return false;
    const relay = `${event.relay}`.split('#')[0];
    const trouble = troubles.get(relay);
    if (event.state === 'connecting') return trouble?.text !== undefined;
    const text = event.state === 'waiting' ? `${event.code} ${event.message}` : undefined;
    if (text !== undefined && text === trouble?.text && nowMs() - trouble.sinceMs < repeatMs) return true;
    troubles.set(relay, { text, sinceMs: nowMs() });
    return false;
  };
  const gatherer = createLineGatherer((text) => main.write(text));
  if (options.json) atEnd(async () => gatherer.flush());
  const write = (sink: LineSink, event: CliEvent): void => {
    if (!options.json) sink.write(`${describeEvent(event, createStyle(sink))}\n`);
    else if (event.event === frequent) gatherer.add(encodeJsonLine(event));
    else gatherer.addLast(encodeJsonLine(event));
  };
  return {
    json: options.json,
    event(event) {
      if (isRepeated(event) || options.isUntold?.(event) === true) return;
      const sink = options.json || isResult(event) ? main : stderr;
      if (sink.writableLength + gatherer.length > maxUnreadBytes) {
        dropped += 1;
        return;
      }
      if (dropped > 0) {
        const count = dropped;
        dropped = 0;
        write(sink, { event: 'dropped', count });
      }
      write(sink, event);
    },
  };
}

const results: ReadonlySet<CliEvent['event']> = new Set([
  'ready',
  'offer',
  'transfer',
  'progress',
  'listening',
  'session',
  'stream',
  'ping',
  'ping-summary',
]);

/** For people the facts go to standard output and the course of things to standard error. */
function isResult(event: CliEvent): boolean {
  return results.has(event.event);
}
