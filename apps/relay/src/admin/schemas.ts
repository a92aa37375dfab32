import { ErrorCode } from '@sealane/types';
import { apiErrors } from './api-error.js';
import type { Schema } from './route.js';

export function ref(name: SchemaName): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** An object in which every field is there, and no other. */
export function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return {
    type: 'object',
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

const text: Schema = { type: 'string' };
const identity: Schema = { type: 'string', description: 'id of an identity' };
const count: Schema = { type: 'integer', minimum: 0 };
const time: Schema = { type: 'integer', minimum: 0, description: 'Unix milliseconds' };

function orNull(schema: Schema): Schema {
  return { ...schema, type: [schema['type'], 'null'] };
}

function list(items: Schema): Schema {
  return { type: 'array', items };
}

function page(name: SchemaName): Schema {
  return object(
    { items: list(ref(name)), next: { ...text, description: '`after` of the next page; not there on the last one' } },
    ['next'],
  );
}

type SchemaName =
  | 'Error'
  | 'OpenApi'
  | 'Relay'
  | 'Lease'
  | 'LeasePage'
  | 'Session'
  | 'SessionPage'
  | 'Identity'
  | 'IdentityPage'
  | 'BanKind'
  | 'NewBan'
  | 'Ban'
  | 'BanPage'
  | 'ApprovalState'
  | 'Decision'
  | 'Approval'
  | 'ApprovalPage'
  | 'NewEnrolmentToken'
  | 'EnrolmentToken'
  | 'EnrolmentTokenPage'
  | 'IssuedEnrolmentToken'
  | 'Role'
  | 'NewToken'
  | 'Token'
  | 'TokenPage'
  | 'IssuedToken'
  | 'SettingValue'
  | 'NewValue'
  | 'Setting'
  | 'SettingList'
  | 'LimitList'
  | 'Change'
  | 'AuditEntry'
  | 'AuditPage';

const lease = { id: identity, service: text };
const address = orNull({
  ...text,
  description: 'as limits per address count it; null: it is not limited, or not known',
});

const enrolmentToken = {
  id: text,
  uses: orNull({ ...count, description: 'identities that it may enrol; null: any number' }),
  expiresAtMs: orNull(time),
  note: text,
};

const token = {
  id: text,
  role: ref('Role'),
  label: text,
  createdBy: text,
  createdAtMs: time,
  expiresAtMs: orNull(time),
  revokedAtMs: orNull(time),
  lastUsedAtMs: orNull({ ...time, description: 'Unix milliseconds; null: never' }),
};

const setting = {
  path: text,
  value: ref('SettingValue'),
  default: ref('SettingValue'),
  origin: { ...text, description: 'file:line:column, the name in the environment, the flag, `run time` or `default`' },
  kind: text,
  meaning: text,
  applies: { ...text, enum: ['live', 'new', 'restart'] },
  running: { ...ref('SettingValue'), description: 'what the process runs with until it is started again' },
};

const expiresAt: Schema = { ...orNull(time), description: 'null, or left out: until it is taken back' };

/** Every shape that the admin API takes or gives, in one place. */
export const schemas: Readonly<Record<SchemaName, Schema>> = {
  Error: object({
    error: object(
      {
        code: { type: 'string', enum: Object.keys(apiErrors) },
        message: text,
        reason: { type: 'string', enum: Object.keys(ErrorCode), description: "the relay's own code" },
        problems: list({ ...text, description: 'each place that is wrong' }),
      },
      ['reason', 'problems'],
    ),
  }),
  OpenApi: {
    type: 'object',
    properties: { openapi: { const: '3.1.0' }, info: { type: 'object' }, paths: { type: 'object' } },
    required: ['openapi', 'info', 'paths'],
  },
  Relay: object({
    id: identity,
    url: text,
    version: text,
    statistics: {
      type: 'object',
      description: 'counts now and since the start',
      properties: {
        refusals: { type: 'object', additionalProperties: count, description: 'by the name of their code' },
      },
      required: ['refusals'],
      additionalProperties: count,
    },
  }),
  Lease: object({
    ...lease,
    name: orNull(text),
    link: text,
    address,
    isPublic: { type: 'boolean' },
    metadataBytes: count,
    ttlMs: count,
    endsInMs: count,
    sessions: count,
    waiting: { ...count, description: "requests that wait for the owner's answer" },
  }),
  LeasePage: page('Lease'),
  Session: object({
    session: count,
    owner: identity,
    service: text,
    dialer: orNull(identity),
    ownerAddress: address,
    dialerAddress: address,
    bytesToOwner: count,
    bytesToDialer: count,
    connection: orNull({ ...text, description: 'by which both sides log it; null: it is another path of a session' }),
    resume: orNull({ ...text, description: 'by which both sides log another path of a session' }),
  }),
  SessionPage: page('Session'),
  Identity: object({
    id: identity,
    links: list(object({ link: text, address })),
    leases: count,
    sessions: count,
    dayBytes: { ...count, description: 'relayed since midnight UTC; counted while a limit for the day is set' },
  }),
  IdentityPage: page('Identity'),
  BanKind: { type: 'string', enum: ['id', 'name', 'address', 'network'] },
  NewBan: object(
    {
      kind: ref('BanKind'),
      value: { type: 'string', minLength: 1, maxLength: 128 },
      reason: { type: 'string', maxLength: 200, description: 'told to whom it concerns' },
      expiresAtMs: expiresAt,
    },
    ['reason', 'expiresAtMs'],
  ),
  Ban: object({
    kind: ref('BanKind'),
    value: text,
    reason: text,
    createdAtMs: time,
    createdBy: text,
    expiresAtMs: orNull(time),
  }),
  BanPage: page('Ban'),
  ApprovalState: { type: 'string', enum: ['pending', 'approved', 'denied'] },
  Decision: object(
    {
      state: { type: 'string', enum: ['approved', 'denied'] },
      service: { type: 'string', maxLength: 255, description: 'without it: all that the identity does' },
      reason: { type: 'string', maxLength: 200, description: 'of a denial; told to whom it concerns' },
    },
    ['service', 'reason'],
  ),
  Approval: object({
    identity,
    service: { ...text, description: '*: all that the identity does' },
    name: orNull(text),
    state: ref('ApprovalState'),
    requestedAtMs: time,
    decidedAtMs: orNull(time),
    decidedBy: orNull(text),
    reason: orNull(text),
  }),
  ApprovalPage: page('Approval'),
  NewEnrolmentToken: object(
    {
      uses: {
        type: ['integer', 'null'],
        minimum: 1,
        maximum: 999_999_999,
        description: '1 without it; null: any number',
      },
      expiresAtMs: expiresAt,
      note: { type: 'string', maxLength: 200 },
    },
    ['uses', 'expiresAtMs', 'note'],
  ),
  EnrolmentToken: object({ ...enrolmentToken, enrolled: count }),
  EnrolmentTokenPage: page('EnrolmentToken'),
  IssuedEnrolmentToken: object({ ...enrolmentToken, token: { ...text, description: 'the secret; told once' } }),
  Role: { type: 'string', enum: ['read', 'operate', 'admin'] },
  NewToken: object({ role: ref('Role'), label: { type: 'string', maxLength: 200 }, expiresAtMs: expiresAt }, [
    'label',
    'expiresAtMs',
  ]),
  Token: object(token),
  TokenPage: page('Token'),
  IssuedToken: object({ ...token, token: { ...text, description: 'the secret; told once' } }),
  SettingValue: {
    type: ['boolean', 'number', 'string', 'array', 'null'],
    items: text,
    description: 'times in milliseconds, sizes in bytes; null: not set',
  },
  NewValue: object({
    value: {
      type: ['boolean', 'number', 'string', 'array'],
      items: text,
      maxItems: 10_000,
      description: 'as in a file: times and sizes also with a unit',
    },
  }),
  Setting: object(setting, ['running']),
  SettingList: object({ items: list(ref('Setting')) }),
  LimitList: object({
    items: list(object({ ...setting, name: text, inForce: { type: 'number', minimum: 0 } }, ['running'])),
  }),
  Change: object({
    changed: list({ ...text, description: 'path of a setting that has another value now' }),
    needsRestart: list({ ...text, description: 'path of one that will have another value after a restart' }),
  }),
  AuditEntry: object({
    id: count,
    atMs: time,
    actor: { ...text, description: 'token:ID, SIGHUP, command line, relay, anyone' },
    action: text,
    subject: text,
    details: { type: 'object' },
  }),
  AuditPage: object({ items: list(ref('AuditEntry')), next: count }, ['next']),
};
