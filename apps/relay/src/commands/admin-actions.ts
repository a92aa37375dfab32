import { resolve } from 'node:path';
import { SealaneError } from '@sealane/types';
import { usageError } from '../error-line.js';
import { parseAssignment } from '../settings/other-sources.js';
import { AdminClient, type AdminFlags, type Item, withQuery } from './admin-client.js';
import { type Column, cell, field, table, time } from './admin-output.js';

/** What a list of the API is for people. */
interface Listed {
  readonly path: string;
  readonly columns: readonly Column[];
}

const links: Column = {
  title: 'LINKS',
  of: ({ links }) => (links as readonly Item[]).map(({ link, address }) => `${link}@${address ?? '?'}`).join(' '),
};

type ListName =
  | 'leases'
  | 'sessions'
  | 'identities'
  | 'bans'
  | 'approvals'
  | 'enrolmentTokens'
  | 'tokens'
  | 'settings'
  | 'limits';

const lists: Readonly<Record<ListName, Listed>> = {
  leases: {
    path: '/api/v1/leases',
    columns: [
      field('id', 'ID'),
      field('service', 'SERVICE'),
      field('name', 'NAME'),
      field('address', 'ADDRESS'),
      field('sessions', 'SESSIONS'),
      field('endsInMs', 'ENDS IN MS'),
    ],
  },
  sessions: {
    path: '/api/v1/sessions',
    columns: [
      field('session', 'SESSION'),
      field('owner', 'OWNER'),
      field('service', 'SERVICE'),
      field('dialerAddress', 'DIALER FROM'),
      field('bytesToOwner', 'TO OWNER'),
      field('bytesToDialer', 'TO DIALER'),
      { title: 'CONNECTION', of: ({ connection, resume }) => connection ?? `resume ${resume}` },
    ],
  },
  identities: {
    path: '/api/v1/identities',
    columns: [field('id', 'ID'), field('leases', 'LEASES'), field('sessions', 'SESSIONS'), links],
  },
  bans: {
    path: '/api/v1/bans',
    columns: [
      field('kind', 'KIND'),
      field('value', 'VALUE'),
      time('expiresAtMs', 'UNTIL'),
      field('createdBy', 'BY'),
      field('reason', 'REASON'),
    ],
  },
  approvals: {
    path: '/api/v1/approvals',
    columns: [
      field('identity', 'ID'),
      field('service', 'SERVICE'),
      field('name', 'NAME'),
      field('state', 'STATE'),
      time('requestedAtMs', 'SINCE'),
      field('decidedBy', 'BY'),
      field('reason', 'REASON'),
    ],
  },
  enrolmentTokens: {
    path: '/api/v1/enrolment-tokens',
    columns: [
      field('id', 'ID'),
      field('enrolled', 'ENROLLED'),
      { title: 'OF', of: ({ uses }) => uses ?? 'any' },
      time('expiresAtMs', 'UNTIL'),
      field('note', 'NOTE'),
    ],
  },
  tokens: {
    path: '/api/v1/tokens',
    columns: [
      field('id', 'ID'),
      field('role', 'ROLE'),
      time('createdAtMs', 'CREATED'),
      time('lastUsedAtMs', 'LAST USED'),
      time('expiresAtMs', 'UNTIL'),
      time('revokedAtMs', 'REVOKED'),
      field('label', 'LABEL'),
    ],
  },
  settings: {
    path: '/api/v1/settings',
    columns: [field('path', 'SETTING'), field('value', 'VALUE'), field('origin', 'ORIGIN')],
  },
  limits: {
    path: '/api/v1/limits',
    columns: [field('name', 'LIMIT'), field('value', 'VALUE'), field('inForce', 'IN FORCE'), field('origin', 'ORIGIN')],
  },
};

export async function printList(
  name: ListName,
  flags: AdminFlags,
  query: Readonly<Record<string, string | undefined>> = {},
): Promise<void> {
  const { path, columns } = lists[name];
  const client = await AdminClient.create(flags);
  const isWhole = name === 'settings' || name === 'limits';
  const items = isWhole
    ? ((await client.ask('GET', path)) as { readonly items: readonly Item[] }).items
    : await client.list(path, query);
  print(flags, items, table(items, columns));
}

export async function printRelay(flags: AdminFlags): Promise<void> {
  const answer = (await (await AdminClient.create(flags)).ask('GET', '/api/v1/relay')) as Item;
  const { statistics, ...facts } = answer;
  const rows = Object.entries({ ...facts, ...(statistics as Item) });
  print(flags, answer, rows.map(([name, value]) => `${name.padEnd(18)}${cell(value)}\n`).join(''));
}

/** One thing that is done; `text` says to people what the answer means. */
export async function act(
  flags: AdminFlags,
  request: { readonly method: string; readonly path: string; readonly body?: unknown },
  facts: Item,
  text: (answer: Item) => string,
): Promise<void> {
  const client = await AdminClient.create(flags);
  const answer = ((await client.ask(request.method, request.path, request.body)) ?? facts) as Item;
  print(flags, answer, `${text(answer)}\n`);
}

/** Of a service alone where the query names one. */
export async function endLeases(
  id: string,
  flags: AdminFlags,
  query: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const path = withQuery(`/api/v1/leases/${encodeURIComponent(id)}`, query);
  await act(flags, { method: 'DELETE', path }, { id }, () => `the leases of ${id} have ended`);
}

/** `PATH=VALUE` of a setting or a limit. */
export async function set(what: 'settings' | 'limits', assignment: string, flags: AdminFlags): Promise<void> {
  const parsed = parseAssignment(assignment);
  if (parsed === undefined) throw usageError(`"${assignment}" is not PATH=VALUE`);
  const { path, raw } = parsed;
  const request = { method: 'PUT', path: `/api/v1/${what}/${encodeURIComponent(path)}`, body: { value: raw } };
  await act(flags, request, {}, () => `${path} is set and holds`);
}

export async function unset(what: 'settings' | 'limits', path: string, flags: AdminFlags): Promise<void> {
  const request = { method: 'DELETE', path: `/api/v1/${what}/${encodeURIComponent(path)}` };
  await act(flags, request, {}, () => `${path} is not changed at run time any more`);
}

export async function printAudit(flags: AdminFlags & { readonly limit: number }): Promise<void> {
  const client = await AdminClient.create(flags);
  const items: Item[] = [];
  for (let before: string | undefined; items.length < flags.limit; ) {
    const limit = String(Math.min(1_000, flags.limit - items.length));
    const page = (await client.ask('GET', withQuery('/api/v1/audit', { before, limit }))) as {
      readonly items: readonly Item[];
      readonly next?: number;
    };
    items.push(...page.items);
    if (page.next === undefined) break;
    before = String(page.next);
  }
  const columns = [
    time('atMs', 'AT'),
    field('actor', 'WHO'),
    field('action', 'WHAT'),
    field('subject', 'TO WHAT'),
    field('details', 'DETAILS'),
  ];
  print(flags, items, table(items, columns));
}

/** Until the relay ends the stream, which is a failure, or somebody ends this program. */
export async function printEvents(flags: AdminFlags & { readonly types?: string }): Promise<void> {
  const client = await AdminClient.create(flags);
  let reason = 'the relay ended it';
  for await (const { event, data } of client.events(flags.types)) {
    const facts = JSON.parse(data) as Item;
    if (flags.json === true) process.stdout.write(`${data}\n`);
    else {
      const { event: _, atMs, ...rest } = facts;
      const at = typeof atMs === 'number' ? new Date(atMs).toISOString() : '-';
      const text = Object.entries(rest).map(([name, value]) => `${name}=${cell(value)}`);
      process.stdout.write(`${[at, event, ...text].join(' ')}\n`);
    }
    if (event === 'dropped') reason = cell(facts['reason']);
  }
  throw new SealaneError('ERR_ADMIN', `the stream of events is over: ${reason}`);
}

export async function backupTo(file: string, flags: AdminFlags): Promise<void> {
  const bytes = await (await AdminClient.create(flags)).backup(resolve(file));
  print(flags, { file, bytes }, `${file} is written, ${bytes} bytes\n`);
}

function print(flags: AdminFlags, json: unknown, text: string): void {
  process.stdout.write(flags.json === true ? `${JSON.stringify(json)}\n` : text);
}
