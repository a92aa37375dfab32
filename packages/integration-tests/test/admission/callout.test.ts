import { HttpCallout, type HttpCalloutOptions } from '@sealane/server/policy';
import { afterEach, expect, it } from 'vitest';
import { AdmissionStage, identities, type Question, reaches, refusal, until } from './admission-stage.js';

let stage = new AdmissionStage();
afterEach(async () => {
  await stage.close();
  stage = new AdmissionStage();
});

/** A relay whose callout is answered by `answer`. */
async function calling(answer: (question: Question) => unknown, options: Partial<HttpCalloutOptions> = {}, relay = {}) {
  const callout = await stage.callout(answer);
  const problems: string[] = [];
  const rule = new HttpCallout({
    url: callout.url,
    timeoutMs: 20_000,
    onError: (problem) => problems.push(problem),
    ...options,
  });
  const { server, url } = await stage.admitting({ require: [rule] }, relay);
  return { callout, problems, server, url };
}

it('a callout is asked about every lease, and its no with its reason reaches the owner', async () => {
  const [yes, no] = await identities(2);
  const { url, callout } = await calling(
    ({ id }) => (id === yes!.id ? { allow: true } : { allow: false, reason: 'the bill is not paid' }),
    { bearer: 'a-secret' },
  );
  await stage.owner(url, yes!, {}, { service: 'web', name: 'box' });
  await expect(stage.owner(url, no!)).rejects.toThrow(refusal('ERR_RELAY_DENIED', /^the bill is not paid$/));
  const asked = { version: 1, use: 'lease', authorization: 'Bearer a-secret' };
  expect(callout.asked).toEqual([
    { ...asked, id: yes!.id, service: 'web', name: 'box', address: '127.0.0.1' },
    { ...asked, id: no!.id, service: '', name: null, address: '127.0.0.1' },
  ]);
  await reaches(await stage.client(url), `${yes!.id}/web`);
});

it('a callout that says no at a renewal ends lease and live sessions at once', async () => {
  const [owner] = await identities(1);
  let allow = true;
  const { server, url } = await calling(() => ({ allow }), {}, { limits: { leaseTtlMinMs: 1_000 } });
  const { listener } = await stage.owner(url, owner!, {}, { ttlMs: 3_000 });
  const dialer = await stage.client(url);
  await reaches(dialer, owner!.id);
  await dialer.openStream(owner!.id);
  allow = false;
  await expect(listener.closed).rejects.toThrow(refusal('ERR_RELAY_DENIED'));
  await until(() => server.statistics().sessions === 0 && server.statistics().leases === 0);
});

it('the limits in its answer hold: sessions, requests per second, time of the lease', async () => {
  const [owner] = await identities(1);
  const { server, url } = await calling(() => ({ allow: true, limits: { sessions: 1, leaseTtlMs: 12_345 } }));
  await stage.owner(url, owner!);
  expect(stage.events).toContainEqual(expect.objectContaining({ type: 'lease', id: owner!.id, ttlMs: 12_345 }));
  await reaches(await stage.client(url), owner!.id);
  await until(() => server.statistics().sessions === 1);
  await expect((await stage.client(url)).dial(owner!.id)).rejects.toThrow(
    refusal('ERR_RELAY_LIMIT', /as many sessions as it may/),
  );
});

it('its number of requests per second holds, and the owner does not hear of the rest', async () => {
  const [owner] = await identities(1);
  const { server, url } = await calling(() => ({ allow: true, limits: { connectsPerSecond: 1 } }));
  const { listener } = await stage.owner(url, owner!);
  const dialer = await stage.client(url);
  const startMs = performance.now();
  const dialing = Array.from({ length: 30 }, () => dialer.dial(owner!.id, { fresh: true }));
  const results = await Promise.allSettled(dialing);
  const seconds = (performance.now() - startMs) / 1_000;
  const begun = results.filter(({ status }) => status === 'fulfilled').length;
  expect(begun).toBeGreaterThanOrEqual(1);
  // One at once, and one for every second that it took.
  expect(begun).toBeLessThanOrEqual(2 + seconds);
  expect(begun).toBeLessThan(30);
  const codes = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason.code)] : []));
  expect(new Set(codes)).toEqual(new Set(['ERR_RELAY_BUSY']));
  expect(server.statistics().sessions).toBe(begun);
  await until(() => listener.connections.size === begun);
});

it('it is told the address of the client: behind a trusted proxy the one that the proxy saw, whatever else is claimed', async () => {
  const [honest, behind, liar] = await identities(3);
  const { url, callout } = await calling(() => ({ allow: true }), {}, { trustedProxies: ['127.0.0.9'] });
  await stage.owner(await stage.via(url, '127.0.0.7'), honest!);
  await stage.owner(await stage.via(url, '127.0.0.9', '6.6.6.6, 192.0.2.7'), behind!);
  await stage.owner(await stage.via(url, '127.0.0.8', '192.0.2.8'), liar!);
  const told = new Map(callout.asked.map(({ id, address }) => [id, address]));
  expect([honest, behind, liar].map((each) => told.get(each!.id))).toEqual(['127.0.0.7', '192.0.2.7', '127.0.0.8']);
});

it('a lower limit in a later answer ends the sessions beyond it', async () => {
  const [owner] = await identities(1);
  let sessions = 2;
  const { server, url } = await calling(
    () => ({ allow: true, limits: { sessions } }),
    {},
    { limits: { leaseTtlMinMs: 1_000 } },
  );
  await stage.owner(url, owner!, {}, { ttlMs: 3_000 });
  for (let index = 0; index < 2; index += 1) await reaches(await stage.client(url), owner!.id);
  expect(server.statistics().sessions).toBe(2);
  sessions = 1;
  await until(() => server.statistics().sessions === 1);
});

it.each<[string, unknown, RegExp]>([
  ['a status that is no answer', 503, /status 503/],
  ['what is not JSON', 'yes', /not JSON/],
  ['no "allow"', { admit: true }, /does not say "allow"/],
  ['a limit that nobody keeps', { allow: true, limits: { megabytes: 3 } }, /limit that is not known/],
  ['a limit that is none', { allow: true, limits: { sessions: -1 } }, /limit is no number/],
  ['an answer without end', `{"allow":true,"x":"${'x'.repeat(20_000)}"}`, /too long/],
])('%s is no answer: nobody new gets in, and nobody is told why in detail', async (_, answer, problem) => {
  const [owner] = await identities(1);
  const { url, problems } = await calling(() => answer);
  await expect(stage.owner(url, owner!)).rejects.toThrow(refusal('ERR_RELAY_BUSY', /cannot ask who may use it/));
  expect(problems).toEqual([expect.stringMatching(problem)]);
});

it('a callout that does not answer in time, or is not there, refuses or admits as it was told to', async () => {
  const [first, second, third] = await identities(3);
  const late = await calling(() => new Promise(() => undefined), { timeoutMs: 100 });
  await expect(stage.owner(late.url, first!)).rejects.toThrow(refusal('ERR_RELAY_BUSY'));
  expect(late.problems).toEqual(['it did not answer in time']);
  const gone = await calling(() => ({ allow: true }));
  await new Promise((resolve) => gone.callout.server.close(resolve));
  await expect(stage.owner(gone.url, second!)).rejects.toThrow(refusal('ERR_RELAY_BUSY'));
  expect(gone.problems).toEqual(['it cannot be reached (ECONNREFUSED)']);
  const lenient = await calling(() => 500, { onFailure: 'admit' });
  await stage.owner(lenient.url, third!);
  await reaches(await stage.client(lenient.url), third!.id);
});

it('while nobody can say, what is open stays open, and the lease runs out at the end of its time', async () => {
  const [owner] = await identities(1);
  let answer: unknown = { allow: true };
  const { server, url, problems } = await calling(() => answer, {}, { limits: { leaseTtlMinMs: 1_000 } });
  const { listener } = await stage.owner(url, owner!, {}, { ttlMs: 3_000 });
  const dialer = await stage.client(url);
  const stream = await dialer.openStream(owner!.id);
  answer = 500;
  await until(() => problems.length > 0);
  expect(server.statistics()).toMatchObject({ leases: 1, sessions: 1 });
  await until(() => server.statistics().leases === 0);
  expect(server.statistics().sessions).toBe(1);
  expect(listener.isClosed).toBe(false);
  answer = { allow: true };
  await until(() => server.statistics().leases === 1);
  await reaches(await stage.client(url), owner!.id);
  stream.abort();
});

it('dialers that have to be known wait for the answer about them, their first CONNECT too', async () => {
  const [owner, friend, stranger] = await identities(3);
  const waiting: (() => void)[] = [];
  const callout = await stage.callout(async ({ use, id }) => {
    if (use === 'dial') await new Promise<void>((resolve) => waiting.push(resolve));
    return { allow: id !== stranger!.id };
  });
  const rule = new HttpCallout({ url: callout.url, timeoutMs: 20_000 });
  const { server, url } = await stage.admitting({ require: [rule], anonymousDialers: false });
  const { MemoryKeycertStore } = await import('@sealane/client');
  const knownKeycerts = new MemoryKeycertStore();
  const owning = await stage.owner(url, owner!);
  // Known keycerts: the first thing that a dialer says is CONNECT.
  await knownKeycerts.put(owner!.id, owner!.keycert, 'accepted');
  for (const [who, isLetIn] of [
    [friend!, true],
    [stranger!, false],
  ] as const) {
    const dialer = await stage.client(url, { credential: who, identify: true, knownKeycerts });
    const dialing = dialer.dial(owner!.id);
    dialing.catch(() => undefined);
    await until(() => waiting.length === 1);
    expect(owning.listener.connections.size).toBe(0);
    expect(server.statistics().waitingAccepts).toBe(0);
    waiting.pop()!();
    if (isLetIn) await (await dialing).close();
    else await expect(dialing).rejects.toThrow(refusal('ERR_RELAY_DENIED'));
    await until(() => owning.listener.connections.size === 0);
  }
  expect(callout.asked.filter(({ use }) => use === 'dial')).toHaveLength(2);
});

it('a URL that is none, or that carries a secret in its place for names, is refused', () => {
  for (const url of ['relay', 'ftp://127.0.0.1/', 'http://user:secret@127.0.0.1/']) {
    expect(() => new HttpCallout({ url })).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', message: expect.not.stringContaining('secret@') }),
    );
  }
  expect(() => new HttpCallout({ url: 'http://127.0.0.1/', timeoutMs: 0 })).toThrow(refusal('ERR_ARGUMENT'));
});
