import { SealaneError } from '@sealane/types';
import { expect, it } from 'vitest';
import type { CliEvent } from '../output/events.js';
import type { Reporter } from '../output/reporter.js';
import { reportStatus } from './status.js';

it('Events of links and leases name their relay: with several it could be any of them', () => {
  const events: CliEvent[] = [];
  const report = reportStatus({ event: (event) => events.push(event) } as Pick<Reporter, 'event'> as Reporter);
  const error = new SealaneError('ERR_RELAY_BUSY', 'later');
  for (const url of ['ws://one:1', 'ws://two:2']) {
    report({ type: 'link', state: 'connecting', use: 'listen', url });
    report({ type: 'lease', url, state: 'waiting', service: '', name: null, error });
    report({ type: 'lease', url, state: 'registered', service: '', name: null });
  }
  expect(events).toEqual(
    ['ws://one:1', 'ws://two:2'].flatMap((relay) => [
      { event: 'status', state: 'connecting', relay },
      { event: 'status', state: 'lease-waiting', relay, code: 'ERR_RELAY_BUSY', message: 'later' },
      { event: 'status', state: 'lease-registered', relay },
    ]),
  );
});
