import { type Attack, onMessage } from '@sealane/hostile-relay';
import { type ErrorCode, MessageKind, RelayCode } from '@sealane/types';
import { expect } from 'vitest';
import { inExchange } from '../in-exchange.js';
import type { End, MatrixCase, MatrixGroup } from '../matrix-case.js';
import type { MatrixStage } from '../matrix-stage.js';

/** Every code of the protocol: the error that it becomes, and whether the same call may succeed later. */
const known: readonly (readonly [code: RelayCode, error: ErrorCode, retryable: boolean])[] = [
  [RelayCode.BUSY, 'ERR_RELAY_BUSY', true],
  [RelayCode.NO_OWNER, 'ERR_RELAY_NO_OWNER', true],
  [RelayCode.KEYCERT, 'ERR_RELAY_KEYCERT', false],
  [RelayCode.LIMIT, 'ERR_RELAY_LIMIT', true],
  [RelayCode.NO_SESSION, 'ERR_RELAY_NO_SESSION', false],
  [RelayCode.WRONG_AUTHORITY, 'ERR_RELAY_WRONG_AUTHORITY', false],
  [RelayCode.AUTH, 'ERR_RELAY_AUTH', false],
  [RelayCode.VERSION, 'ERR_RELAY_VERSION', false],
  [RelayCode.LEASE_IN_USE, 'ERR_RELAY_LEASE_IN_USE', false],
  [RelayCode.LEASE_STALE, 'ERR_RELAY_LEASE_STALE', false],
  [RelayCode.LEASE_INVALID, 'ERR_RELAY_LEASE_INVALID', false],
  [RelayCode.NO_LEASE, 'ERR_RELAY_NO_LEASE', true],
  [RelayCode.NAME_TAKEN, 'ERR_RELAY_NAME_TAKEN', false],
  [RelayCode.NAME_INVALID, 'ERR_RELAY_NAME_INVALID', false],
  [RelayCode.MALFORMED, 'ERR_RELAY_MALFORMED', false],
  [RelayCode.TIMEOUT, 'ERR_RELAY_TIMEOUT', true],
  [RelayCode.DRAINING, 'ERR_RELAY_DRAINING', true],
  [RelayCode.DENIED, 'ERR_RELAY_DENIED', false],
  [RelayCode.INTERNAL, 'ERR_RELAY_INTERNAL', true],
  [RelayCode.TOKEN, 'ERR_RELAY_TOKEN', false],
  [RelayCode.TICKET, 'ERR_RELAY_TICKET', false],
];

/** 0 to 30 and two far away: what is not known is a refusal too. */
const codes = [...Array(31).keys(), 255, 65_535];
const everyError: readonly End[] = [...known.map(([, error]) => error), 'ERR_RELAY_UNKNOWN'];
const SAID = 'the error of the code: `ERR_RELAY_*`, and `ERR_RELAY_UNKNOWN` for others';

function expected(code: number): { readonly error: ErrorCode; readonly retryable: boolean } {
  const found = known.find(([number]) => number === code);
  return found === undefined
    ? { error: 'ERR_RELAY_UNKNOWN', retryable: false }
    : { error: found[1], retryable: found[2] };
}

const error = (request: number, code: number) =>
  ({ kind: MessageKind.ERROR, request, code, text: 'no', value: null }) as const;

/** A refusal in the place of the relay's answer. */
function instead(kind: 'AUTH_OK' | 'REGISTERED' | 'RENEWED' | 'FOUND', code: number): Attack {
  return onMessage(MessageKind[kind], (message) => [error('request' in message ? message.request : 0, code)]);
}

const rejects = (code: number): Attack =>
  onMessage(MessageKind.ACCEPT, (_, { way }) =>
    way === 'down' ? [{ kind: MessageKind.REJECT, code, keycert: null, text: 'no' }] : undefined,
  );

/** Each code at one place: the caller hears the error of the code and nothing else. */
async function forEachCode(
  stage: MatrixStage,
  side: 'dialer' | 'owner',
  attack: (code: number) => Attack,
  call: () => Promise<unknown>,
): Promise<void> {
  for (const code of codes) {
    stage.attack(attack(code));
    const refusal = await stage.errorOf(call());
    const { error: name, retryable } = expected(code);
    expect(`${code}: ${refusal.code}, ${refusal.retryable}`).toBe(`${code}: ${name}, ${retryable}`);
    expect(refusal.details['wireCode']).toBe(code);
    stage.note(side, refusal.code);
  }
}

export const refusalCases: MatrixGroup = {
  key: 'C',
  title: 'Every refusal code (0 to 30, 255 and 65,535), in every place',
  cases: [
    ...(['dialer', 'owner'] as const).map(
      (side): MatrixCase => ({
        attack: `answers the AUTH of the ${side} with each`,
        ends: { [side]: everyError },
        said: { [side]: SAID },
        run: (stage) =>
          forEachCode(
            stage,
            side,
            (code) => instead('AUTH_OK', code),
            () => stage.client({ use: side === 'owner' ? 'listen' : 'dial' }),
          ),
      }),
    ),
    {
      attack: 'answers REGISTER with each',
      ends: { owner: everyError },
      said: { owner: SAID },
      run: async (stage) => {
        const client = await stage.client({ use: 'listen' });
        await forEachCode(
          stage,
          'owner',
          (code) => instead('REGISTERED', code),
          () => client.listen({ accept: () => true }),
        );
      },
    },
    {
      attack: 'answers RENEW with each',
      ends: { dialer: ['right bytes'], owner: ['right bytes'] },
      onlyVirtual: true,
      run: async (stage) => {
        const owner = await stage.owner({ ttlMs: 10_000 });
        let code = 0;
        stage.attack(
          onMessage(MessageKind.RENEWED, ({ request }) => [error(request, codes[code++ % codes.length] ?? 0)]),
        );
        await stage.waitFor(() => code > codes.length, 'a refusal with each');
        await stage.pass(1_000);
        await stage.attempt({ owner });
      },
    },
    {
      attack: 'answers RENEW, and the REGISTER that follows, with each',
      ends: { owner: everyError },
      said: { owner: 'registers again later where a retry makes sense, else the error of the code ends the listener' },
      onlyVirtual: true,
      run: async (stage) => {
        for (const code of codes) {
          const { error: name, retryable } = expected(code);
          const owner = await stage.owner({ ttlMs: 10_000, service: `s${code}` });
          const closed = stage.codeOf(owner.listener.closed);
          stage.attack(instead('RENEWED', code), instead('REGISTERED', code));
          await stage.pass(8_000);
          stage.attack();
          if (retryable) {
            await stage.pass(40_000);
            const end = await stage.tryExchange(await stage.dialer(), owner.listener.address);
            expect(`${code}: ${end}`).toBe(`${code}: right bytes`);
            await stage.until(owner.client.close({ deadlineMs: 0 }));
            expect(await closed).toBe('still up');
            stage.note('owner', name);
          } else {
            const end = await closed;
            expect(end).toBe(name);
            stage.note('owner', end);
            await stage.until(owner.client.close({ deadlineMs: 0 }));
          }
        }
      },
    },
    {
      attack: 'answers LOOKUP with each',
      ends: { dialer: everyError },
      said: { dialer: SAID },
      run: async (stage) => {
        const owner = await stage.owner();
        const { client } = await stage.dialer();
        await forEachCode(
          stage,
          'dialer',
          (code) => instead('FOUND', code),
          () => client.lookup(owner.listener.id),
        );
      },
    },
    {
      attack: 'answers CONNECT with each',
      ends: { dialer: everyError, owner: ['nothing'] },
      said: { dialer: SAID },
      run: async (stage) => {
        const owner = await stage.owner();
        const { client } = await stage.dialer();
        await forEachCode(stage, 'dialer', rejects, () => client.dial(owner.listener.address));
        await stage.noteOwner(owner);
      },
    },
    ...(['dialer', 'owner'] as const).map(
      (side): MatrixCase => ({
        attack: `ends the link of the ${side} with each in the middle of a session`,
        ends: { dialer: ['ERR_E2EE_TRUNCATED'], owner: ['ERR_E2EE_TRUNCATED'] },
        onlyVirtual: true,
        run: async (stage) => {
          const owner = await stage.owner();
          const dialer = await stage.dialer();
          for (const code of codes) {
            inExchange(stage, side, (link) => link.say(error(0, code)));
            await stage.attempt({ owner, dialer });
            await stage.waitFor(() => stage.relay.ownerLinks.length === 1, 'the owner is back');
            await stage.pass(1_500);
          }
          stage.attack();
          expect(await stage.tryExchange(dialer, owner.listener.address)).toBe('right bytes');
        },
      }),
    ),
    {
      attack: 'ends the link of the dialer with each while it dials',
      ends: { dialer: everyError, owner: ['nothing'] },
      said: { dialer: SAID },
      run: async (stage) => {
        const owner = await stage.owner();
        const { client } = await stage.dialer();
        const ends = (code: number): Attack =>
          onMessage(MessageKind.ACCEPT, (_, { link, way }) => {
            if (way === 'up') return undefined;
            link.say(error(0, code));
            return [];
          });
        await forEachCode(stage, 'dialer', ends, () => client.dial(owner.listener.address));
        await stage.noteOwner(owner);
      },
    },
    {
      attack: 'refuses requests that nobody made',
      ends: { dialer: ['right bytes'], owner: ['right bytes'] },
      run: async (stage) => {
        const owner = await stage.owner();
        const dialer = await stage.dialer();
        for (const link of stage.relay.links) for (const code of codes) link.say(error(1_000 + code, code));
        await stage.attempt({ owner, dialer });
      },
    },
  ],
};
