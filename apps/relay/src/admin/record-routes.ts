import { randomBytes } from 'node:crypto';
import { closeSync, createReadStream, fstatSync, openSync, readdirSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import type { RouteParts } from './admin-parts.js';
import { ApiError } from './api-error.js';
import type { Route } from './route.js';
import { limitParameter } from './route-parameters.js';
import { ref } from './schemas.js';

const COPY = /^[.]backup-[0-9a-f]{16}$/;

/** What happens, what happened, and a copy of what is kept. */
export function recordRoutes({ control, feed, dataDir }: RouteParts): readonly Route[] {
  let isCopying = false;
  return [
    {
      method: 'GET',
      path: '/api/v1/audit',
      role: 'read',
      id: 'listAudit',
      tag: 'audit',
      summary: 'What operators and policies did, the newest first',
      parameters: [
        limitParameter,
        {
          in: 'query',
          name: 'before',
          description: '`next` of the page before: entries older than this one',
          schema: { type: 'integer', minimum: 1 },
        },
      ],
      success: { status: 200, description: 'A page of them', schema: ref('AuditPage') },
      handle: ({ query }) => {
        const limit = Number(query['limit'] ?? 100);
        const before = query['before'] === undefined ? {} : { before: Number(query['before']) };
        const entries = control.audit({ ...before, limit });
        const items = entries.map(({ at, ...entry }) => ({ ...entry, atMs: at }));
        const last = entries.at(-1)?.id;
        return { json: entries.length < limit || last === undefined || last <= 1 ? { items } : { items, next: last } };
      },
    },
    {
      method: 'GET',
      path: '/api/v1/events',
      role: 'read',
      id: 'streamEvents',
      tag: 'events',
      summary: 'What happens, as Server-Sent Events',
      parameters: [
        {
          in: 'query',
          name: 'types',
          description: 'kinds of events, with commas between them; all without it',
          schema: { type: 'string', pattern: '^[a-z-]+(,[a-z-]+)*$', maxLength: 1_000 },
        },
        {
          in: 'header',
          name: 'Last-Event-ID',
          description:
            'id of the last event that was seen; what came after it comes first, or a `gap` says what is missing',
          schema: { type: 'string' },
        },
      ],
      success: {
        status: 200,
        description:
          'Each event has an id, its kind, and JSON with the same kind as `event`, the time as `atMs`, and ids and numbers. `gap` says that events are missing, `dropped` why the stream ends.',
        type: 'text/event-stream',
        schema: { type: 'string' },
      },
      errors: ['BUSY'],
      handle: ({ query, headers, token }) => {
        feed.assertRoom();
        const last = headers['last-event-id'];
        const types = query['types'] === undefined ? undefined : String(query['types']).split(',');
        const lastEventId = typeof last === 'string' && last !== '' ? last : undefined;
        return { write: (response) => feed.subscribe(response, { lastEventId, types, tokenId: token?.id ?? '' }) };
      },
    },
    {
      method: 'POST',
      path: '/api/v1/backup',
      role: 'admin',
      id: 'createBackup',
      tag: 'backup',
      summary:
        'A copy of the database as it is at one moment, from which a relay can start; the keys are not part of it',
      success: {
        status: 200,
        description: 'The file',
        type: 'application/octet-stream',
        schema: { type: 'string', contentMediaType: 'application/vnd.sqlite3' },
      },
      errors: ['BUSY'],
      handle: async ({ actor }) => {
        if (isCopying) throw new ApiError('BUSY', 'a backup is made already');
        isCopying = true;
        const file = join(dataDir, `.backup-${randomBytes(8).toString('hex')}`);
        try {
          await control.backup(file, actor);
          const descriptor = openSync(file, 'r');
          return { write: (response) => sendFile(response, descriptor) };
        } finally {
          // Who has it open can read it all the same.
          rmSync(file, { force: true });
          isCopying = false;
        }
      },
    },
  ];
}

/** What a process that was killed left behind. */
export function removeOldCopies(dataDir: string): void {
  for (const name of readdirSync(dataDir)) if (COPY.test(name)) rmSync(join(dataDir, name), { force: true });
}

function sendFile(response: ServerResponse, descriptor: number): void {
  if (response.destroyed) {
    closeSync(descriptor);
    return;
  }
  response.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': fstatSync(descriptor).size,
    'Content-Disposition': 'attachment; filename="relay.db"',
  });
  // With the length before it, a reader notices what is missing.
  pipeline(createReadStream('', { fd: descriptor }), response, () => undefined);
}
