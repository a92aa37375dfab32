import type { StatusEvent } from '@sealane/client';
import type { Reporter } from '../output/reporter.js';
import { toHex, traceSession } from './trace-session.js';

/** What the client says about its links, leases and pins as events of the program. Sessions are reported by who owns them. */
export function reportStatus(reporter: Reporter): (event: StatusEvent) => void {
  const relays = new Map<string, string>();
  return (event) => {
    switch (event.type) {
      case 'link':
        if (event.state === 'up') {
          relays.set(event.relayId, event.url);
          reporter.event({ event: 'status', state: 'connected', relay: `${event.url}#${event.relayId}` });
        } else if (event.state === 'waiting') {
          reporter.event({
            event: 'status',
            state: 'waiting',
            relay: event.url,
            code: event.error.code,
            message: event.error.message,
            retryInMs: Math.round(event.retryInMs),
          });
        } else if (event.state === 'connecting') {
          reporter.event({ event: 'status', state: 'connecting', relay: event.url });
        } else if (event.error !== undefined) {
          reporter.event({ event: 'status', state: 'disconnected', relay: event.url, code: event.error.code });
        }
        break;
      case 'lease':
        if (event.state === 'pending') {
          reporter.event({ event: 'pending', relay: event.url, service: event.service, name: event.name });
          break;
        }
        reporter.event({
          event: 'status',
          state: `lease-${event.state}`,
          relay: event.url,
          ...(event.error === undefined ? {} : { code: event.error.code, message: event.error.message }),
        });
        break;
      case 'pin':
        reporter.event({
          event: 'status',
          state: 'pinned',
          message: `${event.name} -> ${event.id}${event.service === '' ? '' : `/${event.service}`}`,
        });
        break;
      case 'session':
        // Beginning and end are told by who owns the session.
        if (event.state === 'interrupted') {
          const { code } = event.error;
          reporter.event({ event: 'session', state: 'interrupted', peer: event.peerId, code, ...traceSession(event) });
        } else if (event.state === 'resumed') {
          const gapMs = Math.round(event.gapMs);
          const url = relays.get(event.relayId ?? '');
          const relay = url === undefined ? {} : { relay: `${url}#${event.relayId}` };
          reporter.event({
            event: 'session',
            state: 'resumed',
            peer: event.peerId,
            gapMs,
            ...relay,
            ...traceSession(event),
            resume: toHex(event.resumeId),
          });
        }
        break;
    }
  };
}
