import type { Attack } from './attack.js';

/** What costs a relay memory. */
export const memoryAttacks: readonly Attack[] = [
  {
    name: 'single bytes to an owner that never answers',
    bound: 'streams of tiny frames are reset first',
    refusals: [],
    async run(attackers) {
      const { owner, dialer } = await attackers.connectPair();
      for (let stream = 0; stream < 24; stream++) {
        const id = dialer.openTo(owner);
        for (let batch = 0; batch < 6; batch++) await dialer.write(dialer.tinyData(id, 21_800));
      }
      await dialer.roundTrip();
    },
  },
  {
    name: 'messages that come byte by byte and never become whole',
    bound: 'reads are charged; 2,048 chunks a message',
    refusals: [],
    async run(attackers) {
      const slow = await attackers.connect(100);
      for (const client of slow) client.startMessage(262_000);
      for (let round = 0; round < 2_000; round++) {
        for (const client of slow) client.socket.write(new Uint8Array(1));
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  },
  {
    name: 'large messages that never become whole',
    bound: 'half of the budget, then the socket that stood still longest goes',
    refusals: ['SOCKET_MEMORY'],
    async run(attackers) {
      for (let index = 0; index < 700; index++) {
        const [client] = await attackers.connect(1);
        client?.startMessage(262_000);
        client?.socket.write(new Uint8Array(240_000));
      }
    },
  },
  {
    name: 'frames that pin four times their length',
    bound: 'small bodies are copied out; the rest adds at most 60 %',
    refusals: [],
    async run(attackers) {
      const owners = await attackers.connect(8);
      await Promise.all(owners.map((owner) => owner.register({})));
      for (const owner of owners) {
        const [dialer] = await attackers.connect(1);
        if (dialer === undefined) continue;
        for (let stream = 0; stream < 120; stream++) {
          const id = dialer.openTo(owner);
          const message = Buffer.concat([dialer.data(id, 65_500), ...dialer.ignored(196_000)]);
          for (let part = 0; part < 4; part++) await dialer.write(message);
        }
        await dialer.roundTrip();
      }
    },
  },
  {
    name: 'large first messages that wait for owners that do not read',
    bound: 'charged until the answer; 128 wait for a lease',
    refusals: [],
    async run(attackers) {
      const owners = await attackers.connect(80);
      for (const owner of owners) {
        await Promise.all(Array.from({ length: 8 }, (_, service) => owner.register({ service: `s${service}` })));
      }
      const dialers = await attackers.connect(owners.length);
      for (const [index, owner] of owners.entries()) {
        owner.socket.pause();
        for (let count = 0; count < 960; count++) {
          dialers[index]?.openTo(owner, { service: `s${count % 8}`, message1: new Uint8Array(4_096) });
        }
        await dialers[index]?.roundTrip();
      }
    },
  },
  {
    name: 'leases as large as they may be',
    bound: '16 of an identity, 64 MiB of all',
    refusals: [],
    async run(attackers) {
      const owners = await attackers.connect(100);
      for (let service = 0; service < 16; service++) {
        const metadata = new Uint8Array(4_096);
        await Promise.all(owners.map((client) => client.register({ service: `s${service}`, metadata })));
      }
    },
  },
  {
    name: 'owners that never read',
    bound: 'one window a stream; a link that takes nothing for 3 s is dead',
    refusals: [],
    async run(attackers) {
      const owners = await attackers.connect(40);
      await Promise.all(owners.map((owner) => owner.register({})));
      for (const owner of owners) owner.acceptsAll = true;
      const dialers = await attackers.connect(owners.length);
      for (const [index, dialer] of dialers.entries()) {
        const owner = owners[index] ?? dialer;
        const ids = Array.from({ length: 32 }, () => dialer.openTo(owner));
        await dialer.roundTrip();
        await owner.roundTrip();
        owner.socket.pause();
        for (const id of ids) {
          for (let part = 0; part < 4; part++) await dialer.write(dialer.data(id, 65_000));
        }
      }
      for (const dialer of dialers) await dialer.roundTrip();
    },
  },
];
