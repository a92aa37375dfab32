import type { RoundTripSummary } from '../ping/round-trips.js';
import type { CliEvent } from './events.js';
import { sanitize } from './sanitize.js';
import type { Style } from './style.js';

/** One event as one line for people. Everything that came from elsewhere is made safe for a terminal. */
export function describeEvent(event: CliEvent, style: Style): string {
  switch (event.event) {
    case 'ready':
      return [
        `${style.green('ready')}  connect with: sealane connect '${style.bold(sanitize(event.address, 4_000))}' --listen 127.0.0.1:0`,
        `       id ${sanitize(event.id)}${event.name === null ? '' : `, name ${sanitize(event.name)}`}`,
      ].join('\n');
    case 'listening':
      return `${style.green('listening')}  ${sanitize(event.address)}`;
    case 'connected':
      return `${style.green('connected')}  ${event.name === undefined ? '' : `${sanitize(event.name)} -> `}${sanitize(event.peer)}${traced(event, style)}`;
    case 'session':
      return describeSession(event, style);
    case 'stream':
      return `stream ${event.stream} ${event.state}  peer ${sanitize(event.peer)}${traffic(event.bytesIn, event.bytesOut)}${because(event.code)}`;
    case 'status':
      return style.dim(
        `status ${sanitize(event.state)}${event.relay === undefined ? '' : `  ${sanitize(event.relay)}`}${because(event.code)}${
          event.message === undefined ? '' : `: ${sanitize(event.message)}`
        }${event.retryInMs === undefined ? '' : `, next attempt in ${Math.ceil(event.retryInMs / 1000)} s`}`,
      );
    case 'pending':
      return style.yellow(
        `pending  an operator of ${sanitize(event.relay)} has to approve this identity; nobody can connect before`,
      );
    case 'refused':
      return style.red(
        `refused${event.peer === undefined ? '' : `  peer ${sanitize(event.peer)}`}${
          event.message === undefined ? '' : `: ${sanitize(event.message)}`
        }${because(event.code)}${traced(event, style)}`,
      );
    case 'warning':
      return style.yellow(`warning: ${sanitize(event.message, 1000)}${because(event.code)}`);
    case 'ping':
      return `round ${event.round}  owner ${roundTrip(event.ownerMs, event.ownerCode, style)}  relay ${roundTrip(event.relayMs, event.relayCode, style)}`;
    case 'ping-summary':
      return describeSummary(event.owner, event.relay);
    case 'offer':
      return `${style.green('ready')}  whoever has this address can ${offers[event.command]}, once:\n       sealane ${commandOf(event)}`;
    case 'progress':
      return `${sanitize(event.file)}  ${event.bytes} B`;
    case 'transfer':
      return `${style.green(event.state)}  ${sanitize(event.path ?? event.file)}  ${event.bytes} B  blake2b-256 ${event.checksum}`;
    case 'dropped':
      return style.yellow(`warning: ${event.count} events were not shown, because nobody reads them fast enough`);
    case 'stopping':
      return `stopping: waiting up to ${event.drainMs / 1000} s for open connections; a second signal stops at once`;
  }
}

function describeSession(event: Extract<CliEvent, { event: 'session' }>, style: Style): string {
  const peer = `peer ${sanitize(event.peer)}`;
  const trace = traced(event, style);
  if (event.state === 'interrupted') return style.dim(`session interrupted  ${peer}${because(event.code)}${trace}`);
  if (event.state === 'resumed')
    return style.dim(
      `session resumed after ${(event.gapMs / 1_000).toFixed(1)} s  ${peer}${event.relay === undefined ? '' : ` over ${sanitize(event.relay)}`}${trace}${event.resume === undefined ? '' : `, resume ${sanitize(event.resume)}`}`,
    );
  return `session ${event.session} ${event.state}  ${peer}${because(event.code)}${trace}`;
}

const offers = { receive: 'receive what is sent here', send: 'send to here', cat: 'join in' } as const;

function commandOf({ command, address }: Extract<CliEvent, { event: 'offer' }>): string {
  const quoted = `'${sanitize(address, 4_000)}'`;
  return command === 'send' ? `send FILE --to ${quoted}` : `${command} ${quoted}`;
}

function roundTrip(ms: number | null, code: string | undefined, style: Style): string {
  return ms === null ? style.red(`lost${because(code)}`) : `${ms.toFixed(3)} ms`;
}

/** In milliseconds. */
function describeSummary(owner: RoundTripSummary, relay: RoundTripSummary): string {
  const columns = ['min', 'p50', 'p90', 'p99', 'max'].map((name) => name.padStart(10)).join('');
  const line = (who: string, { sent, lost, minMs, p50Ms, p90Ms, p99Ms, maxMs }: RoundTripSummary): string => {
    const values = [minMs, p50Ms, p90Ms, p99Ms, maxMs].map((ms) => (ms === null ? '-' : ms.toFixed(3)).padStart(10));
    return `${who}${values.join('')}  ${lost} of ${sent} lost${lost === 0 ? '' : ` (${Math.round((100 * lost) / sent)} %)`}`;
  };
  return [`ms   ${columns}`, line('owner', owner), line('relay', relay)].join('\n');
}

function traced({ connection }: { readonly connection?: string }, style: Style): string {
  return connection === undefined ? '' : style.dim(`  connection ${sanitize(connection)}`);
}

function because(code: string | undefined): string {
  return code === undefined ? '' : ` (${sanitize(code)})`;
}

function traffic(bytesIn: number | undefined, bytesOut: number | undefined): string {
  if (bytesIn === undefined || bytesOut === undefined) return '';
  return `  ${bytesIn} B in, ${bytesOut} B out`;
}
