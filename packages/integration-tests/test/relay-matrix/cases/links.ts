import { Credential, createNodecert, SigningKey } from '@sealane/crypto/credential';
import {
  type Attack,
  flipBit,
  type HostileLink,
  onMessage,
  ownAuthentication,
  type RawFrame,
} from '@sealane/hostile-relay';
import { encodeFrame, encodeGoAway, encodeMessage, type GoAway, type Hello } from '@sealane/protocol';
import { seededRandom } from '@sealane/testkit';
import { FrameFlag, FrameType, GoAwayCode, MessageKind } from '@sealane/types';
import { expect } from 'vitest';
import { inExchange } from '../in-exchange.js';
import type { End, MatrixCase, MatrixGroup, Side } from '../matrix-case.js';
import type { MatrixStage } from '../matrix-stage.js';

const random = seededRandom(66);
const sides: readonly Side[] = ['dialer', 'owner'];
const asEver: MatrixCase['ends'] = { dialer: ['right bytes'], owner: ['right bytes'] };

const onBoth = (...ends: readonly End[]): MatrixCase['ends'] => ({ dialer: ends, owner: ends });

/** Both uses of a link, each connecting once. */
async function connectBoth(
  stage: MatrixStage,
  create: () => Attack | Promise<Attack>,
  options: { readonly relayId?: string } = {},
): Promise<void> {
  for (const side of sides) {
    stage.attack(await create());
    const connecting = stage.client({ use: side === 'dialer' ? 'dial' : 'listen', ...options });
    stage.note(side, await stage.codeOf(connecting));
  }
}

const connecting = (
  attack: string,
  end: End,
  create: (stage: MatrixStage) => Attack | Promise<Attack>,
  onlyVirtual?: true,
): MatrixCase => ({
  attack,
  ends: onBoth(end),
  ...(onlyVirtual === undefined ? {} : { onlyVirtual }),
  run: (stage) => connectBoth(stage, () => create(stage)),
});

const changeBody =
  (kind: MessageKind, change: (body: Uint8Array) => Uint8Array): Attack =>
  (frame) =>
    frame.message?.kind === kind ? [{ ...raw(frame), body: change(frame.body) }] : undefined;

function raw({ type, flags, streamId, body }: RawFrame): RawFrame {
  return { type, flags, streamId, body };
}

const onHello = (change: (hello: Hello) => Hello): Attack => onMessage(MessageKind.HELLO, (hello) => [change(hello)]);

/** A change of HELLO or AUTH_OK for each number until there is none. */
async function sweepBody(
  stage: MatrixStage,
  kind: MessageKind,
  change: (body: Uint8Array, index: number) => Uint8Array | undefined,
): Promise<void> {
  for (const side of sides) {
    let index = 0;
    for (let isDone = false; !isDone; index++) {
      const at = index;
      stage.attack(
        changeBody(kind, (body) => {
          const changed = change(body, at);
          isDone = changed === undefined;
          return changed ?? body;
        }),
      );
      const code = await stage.codeOf(stage.client({ use: side === 'dialer' ? 'dial' : 'listen' }));
      if (!isDone) stage.note(side, code);
    }
    expect(index).toBeGreaterThan(50);
  }
}

const goAwayFrame = (goAway: Partial<GoAway>): RawFrame => ({
  type: FrameType.GOAWAY,
  flags: 0,
  streamId: 0,
  body: encodeGoAway({ lastStream: 0xffff_ffff, code: GoAwayCode.DRAINING, retryAfterMs: 0, url: '', ...goAway }),
});

/** GOAWAY in the middle of a session, and then a second exchange over the links that follow. */
const goAway = (
  words: string,
  ends: Readonly<Record<Side, MatrixCase['ends']>>,
  frames: () => readonly RawFrame[],
): MatrixCase[] =>
  sides.map((side) => ({
    attack: `says GOAWAY to the ${side} in the middle of a session: ${words}`,
    ends: ends[side],
    varies: true,
    onlyVirtual: true,
    run: async (stage) => {
      const owner = await stage.owner();
      const dialer = await stage.dialer();
      inExchange(stage, side, (link) => {
        for (const frame of frames()) link.toClient(frame);
      });
      await stage.attempt({ owner, dialer });
      stage.attack();
      await stage.pass(70_000);
      const again = { alpn: ['sealane/stream/1', 'again'] };
      expect(await stage.tryExchange(dialer, owner.listener.address, again)).toBe('right bytes');
    },
  }));

/** A new link of the same owner takes its lease over, and a relay ends what came in under it on the old one. */
const replaced: MatrixCase['ends'] = onBoth('right bytes', 'ERR_E2EE_TRUNCATED');
const lost: MatrixCase['ends'] = onBoth('ERR_E2EE_TRUNCATED');

/** Frames that break the protocol, said once to one side in the middle of a session. */
const violations: readonly (readonly [string, Uint8Array])[] = [
  ['no bytes', new Uint8Array(0)],
  ['random bytes', random(300)],
  ['a header that is cut', Uint8Array.of(0, 0, 0)],
  ['a length beyond the message', Uint8Array.of(0, 0, 0, 0, 0, 1, 255, 255, 255, 1)],
  ['an unknown type below 64', encodeFrame(63, 0, 0, new Uint8Array(1))],
  ['a reserved flag', encodeFrame(FrameType.CREDIT, 4, 1, Uint8Array.of(0, 0, 0, 1))],
  ['DATA on stream 0', encodeFrame(FrameType.DATA, 0, 0, new Uint8Array(1))],
  ['DATA of no bytes', encodeFrame(FrameType.DATA, 0, 1, new Uint8Array(0))],
  ['DATA for a stream that was never opened', encodeFrame(FrameType.DATA, 0, 9_999, new Uint8Array(9))],
  ['an OPEN with a number of the client', encodeFrame(FrameType.DATA, FrameFlag.OPEN, 9_999, new Uint8Array(2))],
  ['an OPEN that is no request', encodeFrame(FrameType.DATA, FrameFlag.OPEN, 9_998, Uint8Array.of(0, 1, 7))],
  ['CREDIT of 0', encodeFrame(FrameType.CREDIT, 0, 1, new Uint8Array(4))],
  ['RESET of a stream that was never opened', encodeFrame(FrameType.RESET, 0, 9_999, Uint8Array.of(0, 1))],
  ['a GOAWAY with half an address', encodeFrame(FrameType.GOAWAY, 0, 0, Uint8Array.of(...new Array(10).fill(0), 9))],
  ['a message of an unknown kind', encodeFrame(FrameType.MESSAGE, 0, 0, Uint8Array.of(200, 0x90))],
  [
    'an array that claims 2^32 - 1 fields',
    encodeFrame(FrameType.MESSAGE, 0, 0, Uint8Array.of(4, 0xdd, 255, 255, 255, 255)),
  ],
  [
    'a message that only a client sends',
    encodeFrame(
      FrameType.MESSAGE,
      0,
      0,
      encodeMessage({ kind: MessageKind.RENEW, request: 1, service: '', sequence: 1 }),
    ),
  ],
];

/** Windows and sizes that HELLO may name, at their ends. */
const helloLimits = (limits: Partial<Hello['limits']>) => (hello: Hello) => ({
  ...hello,
  limits: { ...hello.limits, ...limits },
});

const dialsUnder = (words: string, ends: MatrixCase['ends'], limits: Partial<Hello['limits']>): MatrixCase => ({
  attack: `says in HELLO that ${words}`,
  ends,
  onlyVirtual: true,
  run: async (stage) => {
    const owner = await stage.owner();
    stage.attack(ownAuthentication(stage.relay, helloLimits(limits)));
    await stage.attempt({ owner });
  },
});

export const linkCases: MatrixGroup = {
  key: 'W',
  title: 'Links to the relay',
  cases: [
    {
      attack: 'signs HELLO again as itself where another relay is pinned',
      ends: onBoth('ERR_RELAY_IDENTITY'),
      run: async (stage) => {
        const { id: relayId } = await Credential.create();
        await connectBoth(stage, () => () => undefined, { relayId });
      },
    },
    {
      attack: 'takes the name of the pinned relay and its own certificate',
      ends: onBoth('ERR_RELAY_IDENTITY'),
      run: async (stage) => {
        const other = await Credential.create();
        const attack = ownAuthentication(stage.relay, (hello) => ({ ...hello, relay: other.publicKey }));
        await connectBoth(stage, () => attack, { relayId: other.id });
      },
    },
    connecting('shows the certificate of another relay', 'ERR_RELAY_IDENTITY', async () => {
      const nodecert = createNodecert(await Credential.create(), 1, SigningKey.create().publicKey);
      return onHello((hello) => ({ ...hello, nodecert }));
    }),
    connecting(
      'shows the true name and certificate of another relay, whose key it has not',
      'ERR_RELAY_IDENTITY',
      async ({ relay }) => {
        const other = await Credential.create();
        const nodecert = createNodecert(other, 1, SigningKey.create().publicKey);
        return ownAuthentication(relay, (hello) => ({ ...hello, relay: other.publicKey, nodecert }));
      },
    ),
    connecting('shows a certificate of random bytes', 'ERR_RELAY_IDENTITY', () =>
      onHello((hello) => ({ ...hello, nodecert: random(132) })),
    ),
    connecting('signs AUTH_OK with another key', 'ERR_RELAY_IDENTITY', ({ relay }) => {
      const key = SigningKey.create();
      return ownAuthentication({ signAuthOk: (hello, auth) => relay.signAuthOk(hello, auth, key) }, (hello) => hello);
    }),
    {
      attack: 'replays the AUTH_OK of another link',
      ends: onBoth('ERR_RELAY_IDENTITY'),
      run: async (stage) => {
        let first: Uint8Array | undefined;
        stage.attack(changeBody(MessageKind.AUTH_OK, (body) => (first = body)));
        await stage.client();
        await connectBoth(stage, () => changeBody(MessageKind.AUTH_OK, (body) => first ?? body));
      },
    },
    {
      attack: 'replays the HELLO of another link: the AUTH that follows is worthless on this one',
      ends: onBoth('ERR_RELAY_AUTH'),
      run: async (stage) => {
        let first: Uint8Array | undefined;
        stage.attack(changeBody(MessageKind.HELLO, (body) => (first = body)));
        await stage.client();
        await connectBoth(stage, () => changeBody(MessageKind.HELLO, (body) => first ?? body));
      },
    },
    connecting('never says HELLO', 'ERR_LINK_TIMEOUT', () => onMessage(MessageKind.HELLO, () => []), true),
    connecting(
      'says HELLO and nothing more',
      'ERR_LINK_TIMEOUT',
      () => (frame) => (frame.way === 'down' && frame.message?.kind !== MessageKind.HELLO ? [] : undefined),
      true,
    ),
    connecting('says AUTH_OK before HELLO', 'ERR_LINK_PROTOCOL', ({ relay }) =>
      changeBody(MessageKind.HELLO, (body) => relay.signAuthOk(body, body)),
    ),
    connecting('says HELLO again instead of AUTH_OK', 'ERR_LINK_PROTOCOL', () => {
      let hello: Uint8Array = new Uint8Array(0);
      return (frame) => {
        if (frame.message?.kind === MessageKind.HELLO) hello = frame.body;
        return frame.message?.kind === MessageKind.AUTH_OK ? [{ ...raw(frame), body: hello }] : undefined;
      };
    }),
    connecting(
      'sends data before HELLO',
      'ERR_LINK_PROTOCOL',
      () => (frame) =>
        frame.message?.kind === MessageKind.HELLO
          ? [{ type: FrameType.DATA, flags: 0, streamId: 1, body: random(9) }, raw(frame)]
          : undefined,
    ),
    ...(['HELLO', 'AUTH_OK'] as const).flatMap((name): MatrixCase[] => [
      {
        attack: `cuts ${name} at every length`,
        ends: onBoth('ERR_LINK_PROTOCOL'),
        onlyVirtual: true,
        run: (stage) =>
          sweepBody(stage, MessageKind[name], (body, at) => (at < body.length ? body.slice(0, at) : undefined)),
      },
      {
        attack: `flips a bit in each single byte of ${name}`,
        ends:
          name === 'HELLO'
            ? onBoth('ERR_LINK_PROTOCOL', 'ERR_RELAY_IDENTITY', 'ERR_RELAY_AUTH')
            : onBoth('ERR_LINK_PROTOCOL', 'ERR_RELAY_IDENTITY'),
        onlyVirtual: true,
        run: (stage) =>
          sweepBody(stage, MessageKind[name], (body, at) => (at < body.length ? flipBit(body, at, at % 8) : undefined)),
      },
    ]),
    dialsUnder(
      'streams have a window of 1 byte',
      { dialer: ['ERR_E2EE_TRUNCATED'], owner: ['nothing'] },
      { initialWindow: 1 },
    ),
    dialsUnder('no stream may be open beside the first', asEver, { maxStreams: 1 }),
    dialsUnder('frames and messages have the least size', asEver, { maxMessage: 16_384, maxData: 1_024 }),
    dialsUnder('everything is as large as numbers go', asEver, {
      maxMessage: 0xffff_ffff,
      maxData: 0xff_ffff,
      initialWindow: 0x7fff_ffff,
      maxStreams: 0xffff_ffff,
      idleMs: 0xffff_ffff,
    }),
    ...goAway('come back at another URL', { dialer: asEver, owner: replaced }, () => [
      goAwayFrame({ url: 'ws://evil.test:80' }),
    ]),
    ...goAway('come back in 49 days', { dialer: asEver, owner: replaced }, () => [
      goAwayFrame({ retryAfterMs: 0xffff_ffff }),
    ]),
    ...goAway('with a code that nobody knows', { dialer: asEver, owner: replaced }, () => [
      goAwayFrame({ code: 9_999 }),
    ]),
    ...goAway('none of its streams is served', { dialer: lost, owner: replaced }, () => [
      goAwayFrame({ lastStream: 0 }),
    ]),
    ...goAway('none of its streams is served, and then all are', { dialer: lost, owner: lost }, () => [
      goAwayFrame({ lastStream: 0 }),
      goAwayFrame({}),
    ]),
    ...goAway('a hundred times', { dialer: lost, owner: lost }, () =>
      Array.from({ length: 100 }, () => goAwayFrame({ retryAfterMs: 1 })),
    ),
    ...sides.map(
      (side): MatrixCase => ({
        attack: `breaks the frame protocol towards the ${side} in ${violations.length} ways`,
        ends: { dialer: ['ERR_E2EE_TRUNCATED'], owner: ['ERR_E2EE_TRUNCATED'] },
        onlyVirtual: true,
        run: async (stage) => {
          const owner = await stage.owner();
          const dialer = await stage.dialer();
          for (const [words, bytes] of violations) {
            inExchange(stage, side, (link) => link.rawToClient(bytes));
            const before = stage.relay.links.length;
            await stage.attempt({ owner, dialer });
            await stage.waitFor(() => stage.relay.links.length > before && stage.relay.ownerLinks.length === 1, words);
            await stage.pass(1_500);
          }
          stage.attack();
          expect(await stage.tryExchange(dialer, owner.listener.address)).toBe('right bytes');
        },
      }),
    ),
    ...sides.map(
      (side): MatrixCase => ({
        attack: `cuts the link of the ${side} at each of its messages: the next attempt succeeds`,
        ends: { dialer: ['right bytes', 'ERR_E2EE_TRUNCATED'] },
        varies: true,
        onlyVirtual: true,
        run: async (stage) => {
          const owner = await stage.owner();
          for (let cut = 0; ; cut++) {
            let count = 0;
            stage.attack(({ link }) => {
              if (link.isOwners === (side === 'owner') && count++ === cut) link.cut();
              return undefined;
            });
            const dialer = await stage.dialer({}).catch(() => undefined);
            const end = dialer === undefined ? undefined : await stage.tryExchange(dialer, owner.listener.address);
            stage.attack();
            await stage.waitFor(() => stage.relay.ownerLinks.length === 1, 'the owner is back');
            await stage.pass(1_500);
            if (dialer !== undefined) {
              if (end === 'right bytes' || end === 'ERR_E2EE_TRUNCATED') stage.note('dialer', end);
              expect(await stage.tryExchange(dialer, owner.listener.address)).toBe('right bytes');
            }
            if (count <= cut) {
              expect(cut).toBeGreaterThan(6);
              return;
            }
          }
        },
      }),
    ),
    ...sides.map(
      (side): MatrixCase => ({
        attack: `falls silent towards the ${side} in the middle of a session`,
        ends: { dialer: ['ERR_E2EE_TRUNCATED'], owner: ['ERR_E2EE_TRUNCATED'] },
        onlyVirtual: true,
        run: async (stage) => {
          const owner = await stage.owner();
          const dialer = await stage.dialer();
          let silent: HostileLink | undefined;
          inExchange(stage, side, (link) => {
            silent = link;
          });
          const [acting] = stage.relay.attacks;
          stage.attack((frame) => {
            const said = acting?.(frame);
            return frame.link === silent ? [] : said;
          });
          await stage.attempt({ owner, dialer });
        },
      }),
    ),
  ],
};
