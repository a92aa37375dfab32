import type { StatusEvent } from '@sealane/client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ClientStack } from './support/client-stack.js';

let stack = new ClientStack();
afterEach(async () => {
  await stack.close();
  stack = new ClientStack();
});

/** A session with a stream that stays open, seen from both sides. */
async function openSession() {
  const relay = await stack.relay();
  const events: StatusEvent[] = [];
  const { client: owner, listener } = await stack.echoOwner(relay.url, {}, { onStatus: (event) => events.push(event) });
  const dialer = await stack.client(relay.url, { onStatus: (event) => events.push(event) });
  const connection = await dialer.dial(listener.address);
  const stream = connection.openStreamNow();
  await stream.writable.getWriter().write(new Uint8Array(1));
  await stream.readable.getReader().read();
  const [atOwner] = owner.connections;
  return { relay, owner, dialer, atOwner: atOwner!, atDialer: connection, events };
}

const states = (events: readonly StatusEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'session' ? [event.state] : []));

describe('the end of a client', () => {
  it.each(['owner', 'dialer'] as const)(
    'with deadline 0 at the %s is told to the peer, who does not wait for it to come back',
    async (who) => {
      const { owner, dialer, atOwner, atDialer, events } = await openSession();
      const [ending, peer] = who === 'owner' ? [owner, atDialer] : [dialer, atOwner];
      const ended = peer.closed.then(
        () => 'closed',
        (error: { code: string }) => error.code,
      );
      await ending.close({ deadlineMs: 0 });
      expect(await ended).toBe('ERR_E2EE_ABORTED');
      expect(states(events)).not.toContain('interrupted');
    },
  );

  it('that waits for streams is hastened by a later call', async () => {
    const { dialer, atOwner, events } = await openSession();
    const ended = atOwner.closed.catch(() => undefined);
    // Longer than this test may take.
    const patient = dialer.close({ deadlineMs: 600_000 });
    await vi.waitFor(() => expect(atOwner.isOpen).toBe(false));
    await Promise.all([dialer.close({ deadlineMs: 0 }), patient, ended]);
    expect(dialer.connections.size).toBe(0);
    expect(states(events)).not.toContain('interrupted');
  });

  it('is not prolonged by a later call, and a session is hastened in the same way', async () => {
    const { atDialer, atOwner } = await openSession();
    const patient = atDialer.close({ deadlineMs: 600_000 });
    await Promise.all([atDialer.close({ deadlineMs: 1 }), atDialer.close({ deadlineMs: 900_000 }), patient]);
    await atOwner.closed;
  });

  it('ends a session at once that waits for a path', async () => {
    const { relay, dialer, atDialer } = await openSession();
    await relay.server.close();
    await vi.waitFor(() => expect(atDialer.isSuspended).toBe(true));
    await dialer.close({ deadlineMs: 0 });
    await expect(atDialer.closed).resolves.toBeUndefined();
  });
});
