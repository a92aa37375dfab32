import { EventEmitter } from 'node:events';
import { VirtualClock } from '@sealane/testkit';
import { describe, expect, it } from 'vitest';
import { type RelayLimits, resolveLimits } from './limits.js';
import { BanList } from './policy/ban-list.js';
import { TrustedProxies } from './policy/trusted-proxies.js';
import { UsageTable } from './policy/usage-table.js';
import { Reporter } from './refusals.js';
import { SocketLimits } from './socket-limits.js';

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  destroyed = false;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

async function setup(overrides: Partial<RelayLimits> = {}, trusted: readonly string[] = []) {
  const clock = new VirtualClock();
  const reporter = new Reporter(undefined);
  const resolved = resolveLimits(overrides);
  const addresses = new UsageTable('address', resolved, clock);
  const rules = new TrustedProxies(trusted);
  const bans = await BanList.load(clock);
  const limits = new SocketLimits({ limits: resolved, clock, reporter, addresses, rules, bans });
  const open = (address: string) => {
    const socket = new FakeSocket(address);
    return { socket, refusal: limits.admit(socket)?.code };
  };
  return { clock, reporter, limits, addresses, open };
}

describe('SocketLimits', () => {
  it('takes a limited number of new sockets per address and second, and no more than its share at once', async () => {
    const { clock, limits, open } = await setup({ socketsPerAddress: 30, newSocketsPerAddressPerSecond: 20 });
    const first = Array.from({ length: 21 }, () => open('192.0.2.1').refusal);
    expect(first.filter((refusal) => refusal === undefined)).toHaveLength(20);
    expect(first.at(-1)).toBe('NEW_SOCKETS_PER_ADDRESS');
    expect(open('192.0.2.2').refusal).toBeUndefined();
    clock.advance(1_000);
    const second = Array.from({ length: 11 }, () => open('192.0.2.1').refusal);
    expect(second.filter((refusal) => refusal === undefined)).toHaveLength(10);
    expect(second.at(-1)).toBe('SOCKETS_PER_ADDRESS');
    expect(limits.sockets).toBe(31);
  });

  it('counts one IPv6 network as one address', async () => {
    const { open } = await setup({ socketsPerAddress: 1 });
    expect(open('2001:db8::1').refusal).toBeUndefined();
    expect(open('2001:db8::ffff:1').refusal).toBe('SOCKETS_PER_ADDRESS');
  });

  it('does not limit the machine itself, except what a proxy on it passes on', async () => {
    const { limits, open } = await setup({ socketsPerAddress: 2 }, ['127.0.0.1']);
    for (let i = 0; i < 10; i++) expect(open('127.0.0.1').refusal).toBeUndefined();
    const forwarded = Array.from({ length: 3 }, () => {
      const { socket } = open('127.0.0.1');
      return limits.readmit(socket, { 'x-forwarded-for': '203.0.113.5' })?.code;
    });
    expect(forwarded).toEqual([undefined, undefined, 'SOCKETS_PER_ADDRESS']);
  });

  it('has one cap for all sockets together', async () => {
    const { open } = await setup({ maxSockets: 2 });
    expect([open('127.0.0.1').refusal, open('::1').refusal, open('127.0.0.1').refusal]).toEqual([
      undefined,
      undefined,
      'SOCKETS',
    ]);
  });

  it('drops one of the unauthenticated sockets when one more comes than may wait', async () => {
    const { limits, reporter, open } = await setup({ maxUnauthenticated: 3 });
    const sockets = Array.from({ length: 5 }, () => open('127.0.0.1').socket);
    expect(sockets.filter((socket) => socket.destroyed)).toHaveLength(2);
    expect(sockets.at(-1)?.destroyed).toBe(false);
    expect(limits.unauthenticated).toBe(3);
    expect(reporter.refusals).toEqual({ UNAUTHENTICATED: 2 });
  });

  it('drops of too many unauthenticated sockets those of the address that has most, also once a proxy named it', async () => {
    const { limits, open } = await setup({ maxUnauthenticated: 6 }, ['10.0.0.1']);
    const honest = [open('192.0.2.1').socket, open('10.0.0.1').socket];
    limits.readmit(honest[1]!, { 'x-forwarded-for': '203.0.113.5' });
    const flood = Array.from({ length: 10 }, () => {
      const { socket } = open('10.0.0.1');
      limits.readmit(socket, { 'x-forwarded-for': '203.0.113.6' });
      return socket;
    });
    expect(honest.map((socket) => socket.destroyed)).toEqual([false, false]);
    expect(flood.filter((socket) => socket.destroyed)).toHaveLength(6);
  });

  it('drops a socket that does not authenticate in time, and leaves those that did', async () => {
    const { clock, limits, reporter, open } = await setup();
    const slow = open('127.0.0.1').socket;
    const good = open('127.0.0.1').socket;
    limits.authenticated(good);
    clock.advance(9_999);
    limits.sweep();
    expect(slow.destroyed).toBe(false);
    clock.advance(1);
    limits.sweep();
    expect([slow.destroyed, good.destroyed]).toEqual([true, false]);
    expect(reporter.refusals).toEqual({ AUTH_TIMEOUT: 1 });
    expect(limits.sockets).toBe(1);
  });

  it('gives a place back when a socket closes', async () => {
    const { open } = await setup({ socketsPerAddress: 1, newSocketsPerAddressPerSecond: 10 });
    const { socket } = open('192.0.2.1');
    socket.destroy();
    expect(open('192.0.2.1').refusal).toBeUndefined();
  });
});
