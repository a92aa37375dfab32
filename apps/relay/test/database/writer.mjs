// Does to a data directory what a relay and its operator do, without end, and says the number of what was answered: `node writer.mjs DIR FIRST`.
import { loadCrypto } from '@sealane/crypto';
import { hashEnrolmentToken, readEnrolmentToken } from '@sealane/crypto/admission';
import { DatabaseApprovals } from '../../dist/admission/database-approvals.js';
import { DatabaseTokens } from '../../dist/admission/database-tokens.js';
import { RelayDatabase } from '../../dist/database/relay-database.js';
import { DatabaseTicketUseStore } from '../../dist/ticket-use-store.js';

const [directory, first] = process.argv.slice(2);
await loadCrypto();
const database = await RelayDatabase.open(directory);
const onFault = (message) => {
  throw new Error(message);
};
const approvals = new DatabaseApprovals(database, onFault);
const tokens = new DatabaseTokens(database, onFault);
const tickets = new DatabaseTicketUseStore(database, onFault);
const token = readEnrolmentToken(new Uint8Array(32).fill(7));
if (tokens.list().length === 0) {
  await tokens.add({ id: token.id, hash: hashEnrolmentToken(token), uses: null, expiresAtMs: null, note: '' });
}
console.log(JSON.stringify({ event: 'ready', driver: database.driverName }));
for (let n = Number(first); ; n++) {
  database.names.set({ name: `name-${n}`, owner: 'x', keptUntil: n });
  const ban = { kind: 'id', value: `id-${n}`, reason: '', createdAt: n, createdBy: 'test', expiresAt: null };
  database.bans.add(ban);
  database.settings.set('limits.maxSockets', n, 'test');
  // What was written and not said is done once more: a ticket has uses to spare.
  const ticket = { ownerId: `owner-${n % 3}`, ticketId: `ticket-${n}`, uses: 9, notAfterMs: Number.MAX_SAFE_INTEGER };
  if (tickets.take(ticket) !== 'taken') throw new Error('the ticket was not used before');
  await tickets.settled();
  approvals.note(`waits-${n}`, '', null);
  await approvals.decide(n % 2 === 0 ? 'approved' : 'denied', { identity: `id-${n}`, by: 'test' });
  if ((await tokens.enrol(token, `id-${n}`, n)) !== 'enrolled') throw new Error('nobody was enrolled');
  database.audit.record({ actor: 'test', action: 'count', subject: `${n}` });
  await database.audit.flush();
  process.stdout.write(`${JSON.stringify({ event: 'written', n })}\n`);
}
