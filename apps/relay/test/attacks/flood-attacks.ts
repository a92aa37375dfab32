import { Credential } from '@sealane/crypto/credential';
import { encodeFrame, encodeMessage } from '@sealane/protocol';
import { FrameFlag, FrameType, MessageKind, OpenKind } from '@sealane/types';
import { HostileClient } from '../hostile-client.js';
import { RawClient } from '../raw-client.js';
import type { Attack, Attackers } from './attack.js';
import { bombs } from './bombs.js';

/** What costs a relay time, places and patience. */
export const floodAttacks: readonly Attack[] = [
  {
    name: 'a mute owner',
    bound: '128 requests wait for a lease, each 10 s',
    refusals: ['BUSY'],
    async run(attackers) {
      const { owner } = await attackers.connectPair();
      for (const dialer of await attackers.connect(8)) {
        for (let count = 0; count < 300; count++) dialer.openTo(owner, { message1: new Uint8Array(2_600) });
        await dialer.roundTrip();
      }
    },
  },
  {
    name: 'an owner that accepts everything and answers nothing',
    bound: '1,024 sessions of an identity; one window a stream',
    refusals: ['LIMIT'],
    async run(attackers) {
      const { owner } = await attackers.connectPair();
      owner.acceptsAll = true;
      for (const dialer of await attackers.connect(12)) {
        for (let count = 0; count < 100; count++) {
          const stream = dialer.openTo(owner);
          if (count % 10 === 0) for (let part = 0; part < 4; part++) await dialer.write(dialer.data(stream, 65_536));
        }
        await dialer.roundTrip();
        await owner.roundTrip();
      }
    },
  },
  {
    name: 'open and reset without end',
    bound: '100 resets before an answer and 20 a second, then the link ends',
    refusals: ['MALFORMED'],
    async run(attackers) {
      const { owner } = await attackers.connectPair();
      for (let round = 0; round < 40; round++) {
        const [dialer] = await attackers.connect(1);
        for (let count = 0; count < 300 && dialer?.isClosed === false; count++) dialer.reset(dialer.openTo(owner));
        await dialer?.roundTrip();
      }
    },
  },
  {
    name: 'leases without end',
    bound: '16 of an identity, 20 a second of a link, a quarter of a core for all',
    refusals: ['LIMIT', 'BUSY'],
    async run(attackers) {
      const owners = await attackers.connect(16);
      const metadata = new Uint8Array(4_000);
      await Promise.all(
        owners.map(async (owner) => {
          for (let count = 0; count < 18; count++) await owner.register({ service: `s${count}`, metadata });
          await Promise.all(Array.from({ length: 40 }, () => owner.register({ metadata })));
        }),
      );
    },
  },
  {
    name: 'names without end',
    bound: '32 of an identity, kept ones among them',
    refusals: ['LIMIT'],
    async run(attackers) {
      const owners = await attackers.connect(30);
      await Promise.all(
        owners.map(async (owner, index) => {
          for (let count = 0; count < 36; count++) {
            // A changed name is kept for its owner, so each of them takes a place.
            const answer = await owner.register({ service: `s${count % 16}`, name: `name-${index}-${count}` });
            if (answer === 'closed') return;
            if (count >= 18) await new Promise((resolve) => setTimeout(resolve, 60));
          }
        }),
      );
    },
  },
  {
    name: 'requests from many throw-away keys',
    bound: '1,000 a second of a key and of a lease; who goes on after 2,000 times BUSY loses its link',
    refusals: ['NO_OWNER', 'BUSY', 'LIMIT'],
    async run(attackers) {
      const { owner } = await attackers.connectPair();
      const nobody = { credential: await Credential.create() };
      for (const [index, dialer] of (await attackers.connect(12)).entries()) {
        // The first goes on until it has lost its link, however slow the machine makes it.
        for (let count = 0; (index === 0 || count < 4_500) && !dialer.isClosed; count += 500) {
          await dialer.write(dialer.openings(500, (request) => (request % 3 === 0 ? owner : nobody)));
          await dialer.roundTrip();
        }
      }
    },
  },
  {
    name: 'questions of clients that do not read the answers',
    bound: '200 a second of a link; 64 KiB of unsent answers',
    refusals: ['BUSY'],
    async run(attackers) {
      for (const client of await attackers.connect(10)) {
        client.socket.pause();
        for (let request = 1; request <= 6_000 && !client.isClosed; request++) {
          const lookup = encodeMessage({ kind: MessageKind.LOOKUP, request, name: 'nobody', id: null, service: '' });
          await client.write(encodeFrame(FrameType.MESSAGE, 0, 0, lookup));
        }
      }
    },
  },
  {
    name: 'MessagePack bombs in every message',
    bound: 'sizes, depth and shape are checked before anything is decoded',
    refusals: ['MALFORMED', 'LEASE_INVALID'],
    async run(attackers) {
      for (const [, bomb] of bombs) await explode(attackers, bomb);
    },
  },
  {
    name: 'pings without end, of the WebSocket and of the mux',
    bound: 'one answer waits at a time, none for who does not read',
    refusals: [],
    async run(attackers) {
      for (const [index, client] of (await attackers.connect(8)).entries()) {
        if (index % 2 === 0) client.socket.pause();
        const pings = Buffer.concat(client.ignored(200_000));
        for (let count = 0; count < 30; count++) await client.write(pings);
        for (let count = 0; count < 10_000; count++) await client.writeFrame(true, 9, new Uint8Array(125));
      }
    },
  },
  {
    name: 'fragments without end, with pings between them',
    bound: '64 fragments a message',
    refusals: ['WEBSOCKET'],
    async run(attackers) {
      for (const client of await attackers.connect(20)) {
        await client.writeFrame(false, 2, new Uint8Array(1));
        for (let count = 0; count < 200 && !client.isClosed; count++) {
          await client.writeFrame(false, 0, new Uint8Array(0));
          await client.writeFrame(true, 9, new Uint8Array(0));
        }
      }
    },
  },
  {
    name: 'credit, data and ends for streams that are not theirs',
    bound: 'the first such frame ends the link',
    refusals: ['MALFORMED'],
    async run(attackers) {
      const frames = [
        encodeFrame(FrameType.CREDIT, 0, 0, Uint8Array.of(0x7f, 0xff, 0xff, 0xff)),
        encodeFrame(FrameType.CREDIT, 0, 1, Uint8Array.of(0x7f, 0xff, 0xff, 0xff)),
        encodeFrame(FrameType.DATA, FrameFlag.FIN, 2, new Uint8Array(1)),
        encodeFrame(FrameType.RESET, 0, 0xffff_ffff, Uint8Array.of(0, 1)),
        encodeFrame(FrameType.GOAWAY, 0, 7, new Uint8Array(20)),
      ];
      for (const frame of frames) {
        for (const client of await attackers.connect(4)) {
          await client.write(frame);
          await client.roundTrip();
        }
      }
    },
  },
  {
    name: 'credit for an own stream beyond every bound',
    bound: '2^31-1 of credit, then the link ends',
    refusals: ['MALFORMED'],
    async run(attackers) {
      const { owner, dialer } = await attackers.connectPair();
      const stream = dialer.openTo(owner);
      const credit = encodeFrame(FrameType.CREDIT, 0, stream, Uint8Array.of(0x7f, 0xff, 0xff, 0xff));
      await dialer.write(Buffer.concat([credit, credit]));
      await dialer.roundTrip();
    },
  },
  {
    name: 'sessions to resume that nobody has',
    bound: 'counted as requests for a connection',
    refusals: ['NO_SESSION'],
    async run(attackers) {
      const { owner } = await attackers.connectPair();
      for (const dialer of await attackers.connect(8)) {
        for (let count = 0; count < 1_500 && !dialer.isClosed; count++) {
          dialer.openToResume(owner, count + 1);
          if (count % 250 === 249) await dialer.roundTrip();
        }
      }
    },
  },
  {
    name: 'AUTH twice, cut, and of nobody',
    bound: 'one frame before AUTH; checks take half a core',
    refusals: ['MALFORMED', 'AUTH'],
    async run(attackers) {
      const { port } = attackers;
      for (let round = 0; round < 20; round++) {
        const raws = Array.from({ length: 30 }, () => RawClient.open(port));
        await Promise.all(
          raws.map(async (raw, index) => {
            await raw.greeting();
            const auth = await HostileClient.forgedAuth();
            const frame = encodeFrame(FrameType.MESSAGE, 0, 0, auth);
            if (index % 3 === 0) raw.send(Buffer.concat([frame, frame]));
            else raw.send(index % 3 === 1 ? frame : frame.subarray(0, frame.length - 70));
            await raw.ended();
          }),
        );
      }
      await attackers.connect(1);
    },
  },
];

/** One bomb as every message before and after AUTH, as OPEN, as the answer to a request, and inside a lease. */
async function explode(attackers: Attackers, bomb: Uint8Array): Promise<void> {
  const { port } = attackers;
  const bodies = Object.values(MessageKind).map((kind) => Buffer.concat([Uint8Array.of(kind), bomb]));
  await Promise.all(
    bodies.map(async (body) => {
      const stranger = RawClient.open(port);
      await stranger.greeting();
      stranger.send(encodeFrame(FrameType.MESSAGE, 0, 0, body.subarray(0, 4_000)));
      await stranger.ended();
    }),
  );
  for (const body of bodies) {
    const [client] = await attackers.connect(1);
    await client?.write(encodeFrame(FrameType.MESSAGE, 0, 0, body));
    await client?.closed;
  }
  for (const kind of Object.values(OpenKind)) {
    const [client] = await attackers.connect(1);
    const open = Buffer.concat([Uint8Array.of(0, 0, kind), bomb]);
    open.writeUInt16BE(open.length - 2);
    await client?.write(encodeFrame(FrameType.DATA, FrameFlag.OPEN, 1, open));
    await client?.closed;
  }
  for (const kind of [MessageKind.ACCEPT, MessageKind.REJECT]) {
    const { owner, dialer } = await attackers.connectPair();
    const stream = owner.nextForwarded();
    dialer.openTo(owner);
    const body = Buffer.concat([Uint8Array.of(kind), bomb]);
    await owner.write(encodeFrame(FrameType.MESSAGE, 0, await stream, body));
    await owner.closed;
  }
  const [owner] = await attackers.connect(1);
  await owner?.registerBytes(bomb);
}
