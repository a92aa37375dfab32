// Writes to the database of a directory without end, and says the number of what is on the disk: `node writer.mjs DIR FIRST`.
import { RelayDatabase } from '../../dist/database/relay-database.js';

const [directory, first] = process.argv.slice(2);
const database = await RelayDatabase.open(directory);
const hash = Buffer.alloc(32, 7);
if (database.enrolments.tokens().length === 0) {
  const terms = { maxUses: null, expiresAt: null, label: '', createdAt: 0, createdBy: 'test' };
  database.enrolments.addToken({ id: 't', hash, ...terms });
}
console.log(JSON.stringify({ event: 'ready', driver: database.driverName }));
for (let n = Number(first); ; n++) {
  database.names.set({ name: `name-${n}`, owner: 'x', keptUntil: n });
  database.transaction(() => {
    const ban = { kind: 'id', value: `id-${n}`, reason: '', createdAt: n, createdBy: 'test', expiresAt: null };
    database.bans.add(ban);
    database.approvals.request({ identity: `id-${n}`, service: '', name: null, requestedAt: n });
  });
  database.tickets.use(`owner-${n % 3}`, `ticket-${n}`, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  database.enrolments.redeem('t', hash, `id-${n}`, n);
  database.settings.set('limits.maxSockets', n, 'test');
  database.audit.record({ actor: 'test', action: 'count', subject: `${n}` });
  await database.audit.flush();
  process.stdout.write(`${JSON.stringify({ event: 'written', n })}\n`);
}
