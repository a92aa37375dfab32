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
  leasesPerAddress: ['leases of one address', '`LIMIT`'],
  sessionsPerAddress: ['relayed sessions of one address, as dialer or owner', '`LIMIT`'],
  requestsPerAddressPerSecond: ['requests of one address per second, counted as those of a link', '`BUSY`'],
  connectsPerAddressPerSecond: ['CONNECT of one address per second', '`BUSY`'],
  bytesFromAddressPerSecond: ['relayed bytes per second that clients of one address send', 'slowed down'],
  bytesToAddressPerSecond: ['relayed bytes per second that clients of one address are sent', 'slowed down'],
  bytesPerAddressPerDay: ['relayed bytes of one address from midnight to midnight, UTC, both ways together', '`LIMIT`'],
  maxSockets: ['sockets altogether', 'HTTP 503, `SOCKETS`'],
  authTimeoutMs: ['time from the socket to AUTH', 'closed, `AUTH_TIMEOUT`'],
  maxUnauthenticated: ['sockets before AUTH; above it the oldest is dropped', 'closed, `UNAUTHENTICATED`'],
  authCpuShare: [
    'share of one core that signature checks before AUTH may take, and once more those of leases',
    'they wait, in order',
  ],
  leasesPerIdentity: ['leases of one identity', '`LIMIT`'],
  linksPerIdentity: ['links of one identity', '`LIMIT`'],
  newLinksPerIdentityPerSecond: ['new links of one identity per second', '`BUSY`'],
  requestsPerIdentityPerSecond: [
    'requests of all links of one identity per second, counted as those of a link',
    '`BUSY`',
  ],
  bytesFromIdentityPerSecond: ['relayed bytes per second that one identity sends', 'slowed down'],
  bytesToIdentityPerSecond: ['relayed bytes per second that one identity is sent', 'slowed down'],
  bytesPerIdentityPerDay: [
    'relayed bytes of one identity from midnight to midnight, UTC, both ways together',
    '`LIMIT`',
  ],
  sessionsPerLease: ['relayed sessions of one lease', '`LIMIT`'],
  bytesFromLeasePerSecond: ["relayed bytes per second from a lease's owner", 'slowed down'],
  bytesToLeasePerSecond: ["relayed bytes per second to a lease's owner", 'slowed down'],
  bytesPerLeasePerDay: ['relayed bytes of one lease from midnight to midnight, UTC, both ways together', '`LIMIT`'],
  nameMinLength: ['characters of a name, at least', '`NAME_INVALID`'],
  nameMaxLength: ['characters of a name, at most', '`NAME_INVALID`'],
  maxMetadataBytes: ['metadata of a lease', '`LEASE_INVALID`'],
  maxTracked: [
    'addresses, identities and leases, each, whose use is remembered; where there is no room one goes that uses nothing and is not limited, else newcomers share one count',
    '',
  ],
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
still somebody to answer, and counted by that code in \`statistics().refusals\`. An address is one of IPv4 or a network
of 64 bits of IPv6. Limits whose default is 0 are not set, and 0 lifts them.

| limit | default | bounds | above it |
| --- | --- | --- | --- |
${rows.join('\n')}

## Changing them

\`RelayServer.setLimits({ ... })\` changes limits while the relay runs, and they hold at once: of links, leases and sessions that
are open the newest above a lowered limit are ended with the code that the next one would get; rates hold from the next
byte or request. The longest time of a lease holds from its next renewal, \`streamsPerLink\` for new links,
\`maxHeaderBytes\` for servers made after it. The program changes them as its settings \`limits.*\`
([operations](operations.md)).

BUSY as an answer to a request or to AUTH says in \`value\` after how many milliseconds there is room again
(\`error.details.value\`); an HTTP refusal says it in \`Retry-After\`, and its code and text in \`Sealane-Refusal\`. Clients
on Node make \`ERR_RELAY_BUSY\`, \`ERR_RELAY_LIMIT\` and, for a ban, \`ERR_RELAY_DENIED\` of it; a page in a browser sees
only that the WebSocket failed.

## Bytes

A limit of bytes per second slows down and drops nothing: what may not pass yet stays in the window of its stream, so the
sender stops when that is full. Sessions that share a limit take turns, one frame each. A burst may have a quarter of a
second's bytes and at least 65 KiB. A rate is 0 or at least 16 KiB/s: a record of 64 KiB must get through within the 10 s
after which a session takes its path for broken, so where many sessions share one limit, give it that much for each.
Bytes of a day are counted only while such a limit is set, and by this process alone: a restart begins anew. A session that
goes above it is ended (RESET \`BUSY\`), further ones are refused with \`LIMIT\` until midnight UTC.

## Names

\`reservedNames\` (\`sealane-relay --reserve-name\`, setting \`names.reserved\`) keeps names from everybody (\`admin\`, \`status-*\`) or for one id
(\`status=ID\`): \`NAME_TAKEN\`. What is written exactly goes before a beginning, a longer beginning before a shorter one.
\`RelayServer.setReservedNames\` changes them; leases under a name that is reserved now end at once.

## Bans

| what | concerns | above it |
| --- | --- | --- |
| \`id\` | links, leases and sessions of an identity | ERROR and AUTH: \`DENIED\` |
| \`name\` | the lease that has the name, and whoever wants it | \`DENIED\` |
| \`address\` | an IPv4 address, or the /64 of an IPv6 address | HTTP 403, \`BANNED\`; open links: \`DENIED\` |
| \`network\` | exactly the prefix: \`192.0.2.0/24\`, \`2001:db8::/32\`, \`2001:db8::5/128\` | the same |

\`RelayServer.bans.add({ kind, value, reason, expiresAtMs })\` holds at once: what the ban concerns is ended, with the reason
and, in \`value\` or \`Retry-After\`, the time until it is over. A dialer uses a key of its own for each link unless it says who
it is (\`identify\`), so dialers are banned by address. Nobody is exempt from bans, also not 127.0.0.1. There are at most
100,000; looking one up costs the same for one and for all of them. They are kept by \`banStore\`: by default in memory, by
the program in its database.

## Client addresses and proxies

Whom the limits and bans per address concern:

| a connection | counts as |
| --- | --- |
| of anybody | the address of its TCP peer |
| of a trusted proxy (\`trustedProxies\`, \`--trust-proxy\`) with \`X-Forwarded-For\` | the last element that is no trusted proxy |
| of a trusted proxy with PROXY data of version 2 (\`proxyProtocol\`, \`--proxy-protocol\`) | the source that it names; if that is a trusted proxy, \`X-Forwarded-For\` is read as well |
| of a trusted proxy that names nobody, or nothing that can be read | one client, "via" the last proxy |
| of anybody else with \`X-Forwarded-For\`, \`Forwarded\` or PROXY data | the TCP peer; a warning \`UNTRUSTED_PROXY\`, at most every ten minutes |

Nobody is trusted by default, also no proxy on the same machine. 127.0.0.1 and ::1 are exempt from limits per address
(not from bans), never a connection that carries one of the three, and not at all with \`exemptLoopback: false\`
(\`--limit-loopback\`). \`Forwarded\` is never read. With \`--proxy-protocol\` every connection of a trusted proxy must begin
with PROXY data (\`PROXY_HEADER\`: the connection ends); a header has at most 2,064 bytes and has to come within
\`headersTimeoutMs\`. PROXY data of anybody else is answered with HTTP 400, \`PROXY_DATA\`.

## Before AUTH

Before AUTH a socket may send one frame of at most 4 KiB (\`EARLY_BYTES\`), and no answer is larger than HELLO. Of
what comes after its refusal up to 1 MiB is read and dropped for at most 2 s, so that no reset overtakes the answer.
A WebSocket message has at most 256 KiB in at most 64 fragments. A link that was told BUSY 2,000 times for going above
a rate (100 more each second) and goes on is ended with \`LIMIT\`.

## Memory

What is counted, and what happens at each step of the budget, stands in [packages/server/README.md](../packages/server/README.md).
The budget is \`limits.memoryBudgetBytes\` of \`RelayServer.create\`, and of the program: \`sealane-relay --set
limits.memoryBudgetBytes=64MiB\`, also while it runs ([operations.md](operations.md)). \`expose\` and \`connect\` have 256 MiB; a
program of its own gives its client another \`budget\`.

Resident memory of the process at its highest, measured on Node 20 and on two cores that had much else to do. The tests
(\`packages/integration-tests/test/memory.test.ts\`) run relay, \`expose\` and \`connect\` as they are installed and fail above the bound.

| what | process | bound | measured |
| --- | --- | --- | --- |
| 1 GiB up and down at once, over one connection | relay | 192 MiB | 118 MiB |
| | \`expose\`, \`connect\` | 192 MiB each | 116, 111 MiB |
| idle clients, each with its own identity, link and lease: 1,000 | relay | 192 MiB and 12 KiB for each | 123 MiB |
| 10,000 of them, in four processes (\`SEALANE_LONG=1\`) | relay | the same: 309 MiB | 263 MiB |
| 1,000 streams to readers that stand still, and 300 more that are told BUSY | relay | 192 MiB | 121 MiB |
| | \`expose\` | 512 MiB | 317 MiB |
| | \`connect\` | 512 MiB | 341 MiB |
| a relay with a budget of 32 MiB, and 400 sessions whose owner gives no credit | relay | 192 MiB and 1.6 times the budget | 143 MiB |
| everything that hostile clients can do, with the default budget | relay | 512 MiB | the table in the server's README |

In each of them others go on: connections that are there carry their bytes, and a new one gets through, after BUSY for ten
seconds at most where the budget was full.

\`connect\` reads up to 192 KiB ahead from each local program whose stream stands still. That is not in its budget: the
number of local connections bounds it.

## Whose turn it is

A relay never serves one client at the cost of another beyond these bounds, in bytes that others send before it:

| between | before what a client has to say |
| --- | --- |
| links that send to the same client | a full queue of its socket (\`maxQueuedBytes\`) and one batch of 65 KiB |
| the streams of a link, bulk beside bulk | the same bytes for each, within two frames of 65 KiB |
| links with much to send | the same bytes for each, however many sessions they have, within three batches |
| control frames beside data | 16 KiB a batch |

Inside a session, and among the sessions of a client, it is the same with 128 KiB for the queue and one record of each other
session. They are proven in virtual time (\`fairness.test.ts\` in mux, server and integration-tests), and
\`node bench/fairness.mjs\` measures what they are for: how long 100 interactive streams wait beside others.
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
