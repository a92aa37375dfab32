import { MemoryKeycertStore, MemoryPinStore } from '@sealane/client';
import { Credential } from '@sealane/crypto/credential';
import { type Attack, flipBit, messageFrame, onMessage, type SeenFrame } from '@sealane/hostile-relay';
import type { Found } from '@sealane/protocol';
import { seededRandom } from '@sealane/testkit';
import { MessageKind, RelayCode } from '@sealane/types';
import { expect } from 'vitest';
import type { End, MatrixCase, MatrixGroup } from '../matrix-case.js';
import type { MatrixStage } from '../matrix-stage.js';

const random = seededRandom(55);
const DAY_MS = 86_400_000;

const onFound = (change: (found: Found, frame: SeenFrame) => Found): Attack =>
  onMessage(MessageKind.FOUND, (found, frame) => [change(found, frame)]);

/** A dial by id, with LOOKUP answered as `change` says. */
const byId = (attack: string, end: End, change: (found: Found, stranger: Credential) => Found): MatrixCase => ({
  attack: `answers the lookup of an id with ${attack}`,
  ends: { dialer: [end], owner: ['nothing'] },
  run: async (stage) => {
    const stranger = await Credential.create();
    stage.attack(onFound((found) => change(found, stranger)));
    await stage.attempt();
  },
});

/** An owner that has rotated its keys `times` times; what came before is kept for a day, or gone. */
async function rotated(times: number, isErased = false): Promise<{ old: Credential; now: Credential }> {
  const old = await Credential.create();
  let now = old;
  for (let time = 0; time < times; time++) now = now.rotate({ nowMs: 0 });
  if (isErased) now = await Credential.decode(now.encode(), 2 * DAY_MS);
  return { old, now };
}

const foundWith = (keycert: Uint8Array): Attack => onFound((found) => ({ ...found, keycert }));

const onKeycertRefusal = (keycert: Uint8Array | null): Attack =>
  onMessage(MessageKind.REJECT, (reject, { way }) => (way === 'down' ? [{ ...reject, keycert }] : undefined));

const rejectWith = (keycert: Uint8Array | null): Attack =>
  onMessage(MessageKind.ACCEPT, (_, { way }) =>
    way === 'down' ? [{ kind: MessageKind.REJECT, code: RelayCode.KEYCERT, keycert, text: '' }] : undefined,
  );

/** A dialer that learned a name, and a relay that then gives another answer for it: to a lookup, and to a dial. */
async function pinned(stage: MatrixStage, change: (found: Found, other: Credential) => Found): Promise<void> {
  const owner = await stage.owner({ name: 'shop' });
  const other = await Credential.create();
  await stage.owner({}, { credential: other });
  await stage.listen(owner.client, owner.credential, { service: 'admin' });
  const pins = new MemoryPinStore();
  const dialer = await stage.dialer({ pins });
  expect(await stage.tryExchange(dialer, 'shop')).toBe('right bytes');
  await stage.noteOwner(owner);
  stage.attack(onFound((found) => change(found, other)));
  stage.note('dialer', await stage.codeOf(dialer.client.lookup('shop')));
  // Another process with the same pins, which has no session that it could use.
  await stage.exchange(await stage.dialer({ pins }), 'shop');
  for (const { served } of stage.owners) expect(served.length).toBe(served === owner.served ? 1 : 0);
}

export const nameCases: MatrixGroup = {
  key: 'N',
  title: 'Names, lookups and keycerts',
  cases: [
    byId('another id', 'ERR_RELAY_KEYCERT', (found, stranger) => ({ ...found, id: stranger.publicKey })),
    byId('another id and its keycert', 'ERR_RELAY_KEYCERT', (found, stranger) => ({
      ...found,
      id: stranger.publicKey,
      keycert: stranger.keycert,
    })),
    byId('the keycert of somebody else', 'ERR_RELAY_KEYCERT', (found, stranger) => ({
      ...found,
      keycert: stranger.keycert,
    })),
    byId('another service', 'ERR_RELAY_KEYCERT', (found) => ({ ...found, service: 'admin' })),
    byId('a keycert with its own handshake key and the old signature', 'ERR_RELAY_KEYCERT', (found, stranger) => {
      const keycert = found.keycert.slice();
      keycert.set(stranger.keycert.subarray(36, 68), 36);
      return { ...found, keycert };
    }),
    byId('a keycert of a higher epoch and the old signature', 'ERR_RELAY_KEYCERT', (found) => ({
      ...found,
      keycert: flipBit(found.keycert, 35, 1),
    })),
    byId('random bytes for a keycert', 'ERR_RELAY_KEYCERT', (found) => ({ ...found, keycert: random(132) })),
    {
      attack: 'flips a bit in each single byte of the keycert that a lookup finds',
      ends: { dialer: ['ERR_RELAY_KEYCERT'] },
      run: async (stage) => {
        const owner = await stage.owner();
        const { client } = await stage.dialer();
        for (let at = 0; at < 132; at++) {
          stage.attack(onFound((found) => ({ ...found, keycert: flipBit(found.keycert, at, at % 8) })));
          stage.note('dialer', await stage.codeOf(client.lookup(owner.listener.id)));
        }
      },
    },
    {
      attack: 'gives two lookups the answers of each other',
      ends: { dialer: ['ERR_RELAY_KEYCERT'] },
      run: async (stage) => {
        const owners = [await stage.owner(), await stage.owner()];
        const { client } = await stage.dialer();
        const held: Found[] = [];
        stage.attack((frame) => {
          const { message } = frame;
          if (message?.kind !== MessageKind.FOUND) return undefined;
          held.push(message);
          const [first, second] = held;
          if (first === undefined || second === undefined) return [];
          return [
            messageFrame(0, { ...first, request: second.request }),
            messageFrame(0, { ...second, request: first.request }),
          ];
        });
        const lookups = owners.map(({ listener }) => client.lookup(listener.id));
        for (const code of await Promise.all(lookups.map((lookup) => stage.codeOf(lookup)))) stage.note('dialer', code);
      },
    },
    {
      attack: 'answers a lookup with the answer to another kind of request',
      ends: { dialer: ['ERR_LINK_PROTOCOL'] },
      run: async (stage) => {
        const owner = await stage.owner();
        stage.attack(onMessage(MessageKind.FOUND, ({ request }) => [{ kind: MessageKind.RELEASED, request }]));
        stage.note('dialer', await stage.codeOf((await stage.dialer()).client.lookup(owner.listener.id)));
      },
    },
    {
      attack: 'never answers a lookup',
      ends: { dialer: ['ERR_LINK_TIMEOUT'] },
      onlyVirtual: true,
      run: async (stage) => {
        const owner = await stage.owner();
        stage.attack(onMessage(MessageKind.FOUND, () => []));
        stage.note('dialer', await stage.codeOf((await stage.dialer()).client.lookup(owner.listener.id)));
      },
    },
    {
      attack: 'says another owner for a name that is pinned',
      ends: { dialer: ['ERR_E2EE_PIN'], owner: ['right bytes'] },
      run: (stage) => pinned(stage, (found, { publicKey: id, keycert }) => ({ ...found, id, keycert })),
    },
    {
      attack: 'says another service of the same owner for a name that is pinned',
      ends: { dialer: ['ERR_E2EE_PIN'], owner: ['right bytes'] },
      run: (stage) => pinned(stage, (found) => ({ ...found, service: 'admin' })),
    },
    {
      attack: 'says for a name an id that cannot prove its keycert: nothing is pinned',
      ends: { dialer: ['ERR_RELAY_KEYCERT', 'right bytes'], owner: ['right bytes'] },
      run: async (stage) => {
        const owner = await stage.owner({ name: 'shop' });
        const dialer = await stage.dialer();
        const stranger = await Credential.create();
        stage.attack(onFound((found) => ({ ...found, id: stranger.publicKey })));
        await stage.exchange(dialer, 'shop');
        stage.attack();
        await stage.exchange(dialer, 'shop');
        await stage.noteOwner(owner);
      },
    },
    {
      attack: 'serves an old keycert to a dialer that has seen a newer one',
      ends: { dialer: ['ERR_E2EE_KEYCERT'], owner: ['nothing'] },
      run: async (stage) => {
        const { old, now } = await rotated(1);
        const owner = await stage.owner({}, { credential: now });
        const knownKeycerts = new MemoryKeycertStore();
        knownKeycerts.put(now.id, now.keycert);
        const dialer = await stage.dialer({ knownKeycerts });
        stage.attack(foundWith(old.keycert), rejectWith(old.keycert));
        stage.note('dialer', await stage.codeOf(dialer.client.lookup(now.id)));
        // The dial goes by the newer one and is refused with the older one.
        stage.note('dialer', await stage.codeOf(dialer.client.dial({ id: now.id })));
        await stage.noteOwner(owner);
      },
    },
    {
      attack: 'serves an old keycert to a dialer whose address asks for a newer one',
      ends: { dialer: ['ERR_E2EE_KEYCERT'], owner: ['nothing'] },
      run: async (stage) => {
        const { old, now } = await rotated(1);
        const owner = await stage.owner({}, { credential: now });
        expect(owner.listener.address).toContain('e=2');
        stage.attack(foundWith(old.keycert));
        await stage.attempt({ owner });
      },
    },
    {
      attack: 'serves an old keycert to a dialer that knows none, within a day of the rotation',
      ends: { dialer: ['right bytes'], owner: ['right bytes'] },
      run: async (stage) => {
        const { old, now } = await rotated(1);
        const owner = await stage.owner({}, { credential: now });
        stage.attack(foundWith(old.keycert));
        await stage.exchange(await stage.dialer(), now.id);
        await stage.noteOwner(owner);
      },
    },
    {
      attack:
        'serves an old keycert to a dialer that knows none, when its key is erased: the owner tells the newer one',
      ends: { dialer: ['right bytes'], owner: ['right bytes'] },
      run: async (stage) => {
        const { old, now } = await rotated(1, true);
        const owner = await stage.owner({}, { credential: now });
        stage.attack(foundWith(old.keycert));
        await stage.exchange(await stage.dialer(), now.id);
        await stage.noteOwner(owner);
      },
    },
    {
      attack: 'serves an old keycert whose key is erased, and again in the place of the newer one that the owner tells',
      ends: { dialer: ['ERR_RELAY_KEYCERT'], owner: ['nothing'] },
      run: async (stage) => {
        const { old, now } = await rotated(1, true);
        const owner = await stage.owner({}, { credential: now });
        stage.attack(foundWith(old.keycert), onKeycertRefusal(old.keycert));
        await stage.exchange(await stage.dialer(), now.id);
        await stage.noteOwner(owner);
      },
    },
    ...(
      [
        ['the keycert that the dialer used', 'ERR_RELAY_KEYCERT', (owner: Credential) => owner.keycert],
        ['no keycert', 'ERR_RELAY_KEYCERT', () => null],
        ['the keycert of somebody else', 'ERR_RELAY_KEYCERT', (_: Credential, other: Credential) => other.keycert],
        [
          'a keycert of a higher epoch that the owner never signed',
          'ERR_RELAY_KEYCERT',
          (owner: Credential) => flipBit(owner.rotate({ nowMs: 0 }).keycert, 100),
        ],
      ] as const
    ).map(
      ([words, end, create]): MatrixCase => ({
        attack: `refuses with KEYCERT and ${words}`,
        ends: { dialer: [end], owner: ['nothing'] },
        run: async (stage) => {
          const owner = await stage.owner();
          const other = await Credential.create();
          stage.attack(rejectWith(create(owner.credential, other)));
          await stage.attempt({ owner });
        },
      }),
    ),
    {
      attack: 'refuses with KEYCERT and true keycerts of ever higher epochs: the dialer tries twice',
      ends: { dialer: ['ERR_RELAY_KEYCERT'], owner: ['nothing'] },
      run: async (stage) => {
        const { now } = await rotated(4);
        const chain: Credential[] = [await Credential.decode(now.encode(), 0)];
        for (let index = 0; index < 5; index++) chain.push((chain.at(-1) ?? now).rotate({ nowMs: 0 }));
        const owner = await stage.owner({}, { credential: now });
        let tries = 0;
        stage.attack(
          onMessage(MessageKind.ACCEPT, (_, { way }) =>
            way === 'down'
              ? [
                  {
                    kind: MessageKind.REJECT,
                    code: RelayCode.KEYCERT,
                    keycert: chain[++tries]?.keycert ?? null,
                    text: '',
                  },
                ]
              : undefined,
          ),
          onMessage(MessageKind.REJECT, (reject, { way }) =>
            way === 'down' && reject.code === RelayCode.KEYCERT && reject.keycert?.[35] === now.epoch
              ? [{ ...reject, keycert: chain[++tries]?.keycert ?? null }]
              : undefined,
          ),
        );
        await stage.attempt({ owner });
        expect(tries).toBe(2);
      },
    },
  ],
};
