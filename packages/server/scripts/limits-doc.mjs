#!/usr/bin/env node
// Writes docs/limits.md from the defaults in @sealane/types; with --check only says whether it is current.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../../types/src/v1/limits.ts', import.meta.url));
const target = fileURLToPath(new URL('../../../docs/limits.md', import.meta.url));

/** What each limit bounds, and how a refusal appears in the statistics. */
const meanings = {
  headersTimeoutMs: ['time for the headers of an HTTP request', 'HTTP 408, `HEADERS_TIMEOUT`'],
  maxHeaderBytes: ['headers of an HTTP request', 'HTTP 431, `HEADERS_TOO_LARGE`'],
  socketsPerAddress: ['sockets of one IPv4 address or one IPv6 network of 64 bits', 'HTTP 429, `SOCKETS_PER_ADDRESS`'],
  newSocketsPerAddressPerSecond: ['new sockets of one address per second', 'HTTP 429, `NEW_SOCKETS_PER_ADDRESS`'],
  maxSockets: ['sockets altogether', 'HTTP 503, `SOCKETS`'],
  authTimeoutMs: ['time from the socket to AUTH', 'closed, `AUTH_TIMEOUT`'],
  maxUnauthenticated: ['sockets before AUTH; above it the oldest is dropped', 'closed, `UNAUTHENTICATED`'],
  authCpuShare: [
    'share of one core that signature checks before AUTH may take, and once more those of leases',
    'they wait, in order',
  ],
  leasesPerIdentity: ['leases of one identity', '`LIMIT`'],
  linksPerIdentity: ['links of one identity', '`LIMIT`'],
  sessionsPerIdentity: ['relayed sessions of one identity, as dialer or owner', '`LIMIT`'],
  connectsPerIdentityPerSecond: ['CONNECT per second of one dialing identity', '`BUSY`'],
  connectsPerLeasePerSecond: ['CONNECT per second to one lease', '`BUSY`'],
  streamsPerLink: ['streams that one link may have open, per direction of opening', '`BUSY`'],
  requestsPerLinkPerSecond: ['requests of one link per second; REGISTER counts as ten, LIST as two', '`BUSY`'],
  waitingAcceptsPerLease: ['CONNECT to one lease that wait for an answer', '`BUSY`'],
  acceptTimeoutMs: ["time for the owner's answer to a CONNECT", '`TIMEOUT`'],
  leaseTtlMinMs: ['shortest time granted to a lease', 'raised to it'],
  leaseTtlMaxMs: ['longest time granted to a lease', 'cut to it'],
  leaseTtlMs: ['time that clients ask for by default', ''],
  maxLeases: ['leases altogether', '`BUSY`'],
  maxLeaseBytes: [
    'memory of all leases, each at its metadata plus 2 KiB, a public one at its signed bytes as well',
    '`BUSY`',
  ],
  maxNames: ['names altogether, kept ones among them', '`BUSY`'],
  namesPerIdentity: ['names of one identity, kept ones among them', '`LIMIT`'],
  nameGraceMs: ['time for which a name is kept for its owner after the lease', '`NAME_TAKEN` for others'],
  takeOverPingMs: ['time in which the holder of a lease must answer before another instance gets it', '`LEASE_IN_USE`'],
  maxSequenceAheadMs: ["how far a lease's sequence number may lie ahead of the relay's clock", '`LEASE_INVALID`'],
  memoryBudgetBytes: [
    'memory of all windows and socket queues; from half of it no window grows, from three quarters (by one link alone: from half) new streams are refused and those whose reader took nothing for 10 s are reset, above it streams of tiny frames are reset, then the one that stood still longest; sockets may hold half of it outside of windows, then the one that stood still longest goes (`SOCKET_MEMORY`)',
    '`BUSY`',
  ],
  maxQueuedBytes: [
    'bytes waiting in one socket above which nothing more is taken from its streams',
    'its streams wait',
  ],
  linkIdleDeadMs: ['time without a byte received after which a link is dead', 'closed, `LINK_DEAD`'],
  linkBusyDeadMs: ['the same while bytes wait and none leaves', 'closed, `LINK_DEAD`'],
  pingIntervalMs: ['silence after which the relay sends a PING', ''],
  drainMs: ['time that sessions have when the relay stops (`sealane-relay --drain` sets it)', 'closed'],
};

const text = await readFile(source, 'utf8');
const block = /export const RelayLimit = \{([\s\S]*?)\n\} as const;/.exec(text)?.[1] ?? '';
const rows = [...block.matchAll(/^ {2}(\w+): ([\d_.]+),$/gm)].map(([, name, value]) => {
  const [meaning, refusal] = meanings[name] ?? [];
  if (meaning === undefined) throw new Error(`limits-doc.mjs does not say what ${name} bounds`);
  return `| \`${name}\` | ${readable(name, Number(value.replaceAll('_', '')))} | ${meaning} | ${refusal} |`;
});

const document = `# Limits of a relay

<!-- Written by packages/server/scripts/limits-doc.mjs from packages/types/src/v1/limits.ts. Do not edit. -->

\`sealane-relay\` lowers \`maxSockets\` and \`maxUnauthenticated\` where the system lets it open few files (\`ulimit -n\`).
Every limit is an option of \`RelayServer.create({ limits })\`. Every refusal is answered with a code where there is
still somebody to answer, and counted by that code in \`statistics().refusals\`. Sockets of 127.0.0.1 and ::1 are not
limited per address, unless a proxy on the machine passed them on (\`X-Forwarded-For\`, \`Forwarded\`): then the address
that the proxy appended counts.

| limit | default | bounds | above it |
| --- | --- | --- | --- |
${rows.join('\n')}

Before AUTH a socket may send one frame of at most 4 KiB (\`EARLY_BYTES\`), and no answer is larger than HELLO. Of
what comes after its refusal up to 1 MiB is read and dropped for at most 2 s, so that no reset overtakes the answer.
A WebSocket message has at most 256 KiB in at most 64 fragments. A link that was told BUSY 2,000 times for going above
a rate (100 more each second) and goes on is ended with \`LIMIT\`.
`;

if (process.argv.includes('--check')) {
  const current = await readFile(target, 'utf8').catch(() => '');
  if (current !== document) {
    process.stderr.write('docs/limits.md is not current; run node packages/server/scripts/limits-doc.mjs\n');
    process.exitCode = 1;
  }
} else {
  await writeFile(target, document);
}

function readable(name, value) {
  if (name.endsWith('Bytes')) return value >= 1_048_576 ? `${value / 1_048_576} MiB` : `${value / 1_024} KiB`;
  if (!name.endsWith('Ms')) return value.toLocaleString('en-US');
  return value >= 3_600_000 ? `${value / 3_600_000} h` : `${value / 1_000} s`;
}
