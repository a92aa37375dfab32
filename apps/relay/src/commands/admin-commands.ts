import { type Command, InvalidArgumentError, Option } from 'commander';
import type { AdminFlags } from './admin-client.js';
import { expiryOf, parseTime, parseUses, usesOf } from './parse-time.js';

/** Of the last command of a line, with those of all before it. */
type Flags = AdminFlags & Readonly<Record<string, unknown>>;
type Actions = typeof import('./admin-actions.js');

/** `admin ...`: asks the admin API of a relay that runs. What it does is loaded when it runs. */
export function addAdminCommands(program: Command): void {
  const admin = program
    .command('admin')
    .description('ask a relay that runs, through its admin API; see docs/admin-api.md')
    .option('--admin-url <url>', 'where it is asked; default: the file admin-url in the data directory')
    .option('--admin-token-file <file>', 'the token; default: the file admin-token in the data directory')
    .helpCommand(false);
  command(admin, 'relay', 'print what the relay is, and its counts', (actions, _, flags) => actions.printRelay(flags));
  addLists(admin);
  addBans(admin);
  addApprovals(admin);
  addTokens(admin);
  addSettings(admin);
  command(admin, 'backup <file>', 'write a copy of the database to a new file here', (actions, [file = ''], flags) =>
    actions.backupTo(file, flags),
  );
  command(admin, 'events', 'print what happens, until it is ended', (actions, _, flags) =>
    actions.printEvents(flags),
  ).option('--types <kinds>', 'these kinds of events alone, with commas between them');
  command(admin, 'audit', 'print what operators and policies did, the newest first', (actions, _, flags) =>
    actions.printAudit({ ...flags, limit: Number(flags['limit']) }),
  ).option('--limit <count>', 'most entries', parseCount, 100);
}

function addLists(admin: Command): void {
  const leases = command(admin, 'leases', 'list leases that are served', (actions, _, flags) =>
    actions.printList('leases', flags, { id: text(flags['id']) }),
  )
    .option('--id <id>', 'of this identity alone')
    .helpCommand(false);
  command(
    leases,
    'end <id>',
    'end the leases of an identity; they are refused for 65 s, so that they stay ended',
    (actions, given, flags) => {
      const query = { service: text(flags['service']), reason: text(flags['reason']) };
      return actions.endLeases(given[0] ?? '', flags, query);
    },
  )
    .option('--service <name>', 'of this service alone')
    .option('--reason <text>', 'told to the owner');
  const sessions = command(admin, 'sessions', 'list relayed sessions', (actions, _, flags) =>
    actions.printList('sessions', flags, { owner: text(flags['owner']) }),
  )
    .option('--owner <id>', 'of this owner alone')
    .helpCommand(false);
  command(
    sessions,
    'end <session>',
    'end a relayed session, by its number; its ends may begin another one',
    (actions, [session = ''], flags) => {
      const path = `/api/v1/sessions/${encodeURIComponent(session)}`;
      return actions.act(flags, { method: 'DELETE', path }, { session }, () => `the session ${session} has ended`);
    },
  );
  command(admin, 'identities', 'list identities that are connected', (actions, _, flags) =>
    actions.printList('identities', flags),
  );
}

function addBans(admin: Command): void {
  command(admin, 'bans', 'list bans in force', (actions, _, flags) => actions.printList('bans', flags));
  command(
    admin,
    'ban <kind> <value>',
    'ban an id, a name, an address or a network; it acts at once',
    (actions, given, flags) => {
      const [kind = '', value = ''] = given;
      const body = {
        kind,
        value,
        reason: text(flags['reason']) ?? '',
        expiresAtMs: expiryOf(Number(flags['expires'])),
      };
      return actions.act(
        flags,
        { method: 'POST', path: '/api/v1/bans', body },
        {},
        (ban) => `${kind} ${ban['value']} is banned`,
      );
    },
  )
    .option('--reason <text>', 'told to whom it concerns')
    .addOption(
      new Option('--expires <time>', 'how long it holds, as 90s, 15m, 12h or 7d, or never')
        .argParser(parseTime)
        .default(Number.POSITIVE_INFINITY, 'never'),
    );
  command(admin, 'unban <kind> <value>', 'lift a ban', (actions, [kind = '', value = ''], flags) => {
    const path = `/api/v1/bans/${encodeURIComponent(kind)}/${encodeURIComponent(value)}`;
    return actions.act(
      flags,
      { method: 'DELETE', path },
      { kind, value },
      () => `${kind} ${value} is not banned any more`,
    );
  });
}

function addApprovals(admin: Command): void {
  command(admin, 'approvals', 'list who waits for an operator, and what was decided', (actions, _, flags) =>
    actions.printList('approvals', flags, { state: text(flags['state']) }),
  ).addOption(new Option('--state <state>', 'those alone').choices(['pending', 'approved', 'denied']));
  for (const [name, state, description] of [
    ['approve', 'approved', 'let an identity in; what waits is let in at once'],
    ['deny', 'denied', 'let an identity not in; what it has open ends at once'],
  ] as const) {
    const decide = command(admin, `${name} <id>`, description, (actions, [id = ''], flags) => {
      const service = text(flags['service']);
      const reason = text(flags['reason']);
      const body = {
        state,
        ...(service === undefined ? {} : { service }),
        ...(reason === undefined ? {} : { reason }),
      };
      const path = `/api/v1/approvals/${encodeURIComponent(id)}`;
      return actions.act(flags, { method: 'PUT', path, body }, {}, () => `${id} is ${state}`);
    }).option('--service <name>', 'for this service alone');
    if (name === 'deny') decide.option('--reason <text>', 'told to whom it concerns');
  }
  command(
    admin,
    'withdraw <id>',
    'take a decision back; what it let in ends at once, and waits again',
    (actions, [id = ''], flags) => {
      const service = text(flags['service']);
      const query = service === undefined ? '' : `?service=${encodeURIComponent(service)}`;
      const path = `/api/v1/approvals/${encodeURIComponent(id)}${query}`;
      return actions.act(flags, { method: 'DELETE', path }, { id }, () => `nothing is decided about ${id} any more`);
    },
  ).option('--service <name>', 'what was decided about this service');
}

function addTokens(admin: Command): void {
  const expires = (value: number, shown: string): Option =>
    new Option('--expires <time>', 'how long it holds, as 90s, 15m, 12h or 7d, or never')
      .argParser(parseTime)
      .default(value, shown);
  const untilOf = (flags: Flags): number | null => expiryOf(Number(flags['expires']));
  const token = admin.command('token').description('tokens of the admin API').helpCommand(false);
  command(token, 'new', 'make a token and print it once', (actions, _, flags) => {
    const body = { role: text(flags['role']), label: text(flags['label']) ?? '', expiresAtMs: untilOf(flags) };
    return actions.act(flags, { method: 'POST', path: '/api/v1/tokens', body }, {}, (made) => String(made['token']));
  })
    .addOption(new Option('--role <role>', 'what it may').choices(['read', 'operate', 'admin']).makeOptionMandatory())
    .option('--label <text>', 'what it is for')
    .addOption(expires(Number.POSITIVE_INFINITY, 'never'));
  command(token, 'list', 'list tokens', (actions, _, flags) => actions.printList('tokens', flags));
  command(token, 'revoke <id>', 'end a token at once', (actions, [id = ''], flags) => {
    const path = `/api/v1/tokens/${encodeURIComponent(id)}`;
    return actions.act(flags, { method: 'DELETE', path }, { id }, () => `${id} is revoked`);
  });
  const enrolment = admin.command('enrolment-token').description('enrolment tokens').helpCommand(false);
  command(enrolment, 'new', 'make an enrolment token and print it once', (actions, _, flags) => {
    const body = { uses: usesOf(Number(flags['uses'])), note: text(flags['note']) ?? '', expiresAtMs: untilOf(flags) };
    const request = { method: 'POST', path: '/api/v1/enrolment-tokens', body };
    return actions.act(flags, request, {}, (made) => String(made['token']));
  })
    .addOption(expires(7 * 86_400_000, '7d'))
    .option('--uses <count>', 'identities that it enrols, or any', parseUses, 1)
    .option('--note <text>', 'for lists');
  command(enrolment, 'list', 'list enrolment tokens that hold', (actions, _, flags) =>
    actions.printList('enrolmentTokens', flags),
  );
  command(enrolment, 'revoke <id>', 'end an enrolment token, and whom it enrolled', (actions, [id = ''], flags) => {
    const path = `/api/v1/enrolment-tokens/${encodeURIComponent(id)}`;
    return actions.act(flags, { method: 'DELETE', path }, { id }, () => `${id} is revoked`);
  });
}

function addSettings(admin: Command): void {
  for (const what of ['settings', 'limits'] as const) {
    const one = what === 'settings' ? 'setting' : 'limit';
    const group = command(admin, what, `print every ${one} with its value and origin`, (actions, _, flags) =>
      actions.printList(what, flags),
    ).helpCommand(false);
    command(
      group,
      'set <path=value>',
      `change a ${one} at run time; it holds at once`,
      (actions, [given = ''], flags) => actions.set(what, given, flags),
    );
    command(group, 'unset <path>', 'take a change at run time back', (actions, [path = ''], flags) =>
      actions.unset(what, path, flags),
    );
  }
  command(admin, 'reload', 'read the file and the stored settings again', (actions, _, flags) =>
    actions.act(flags, { method: 'POST', path: '/api/v1/settings/reload' }, {}, ({ changed }) => {
      const paths = changed as readonly string[];
      return paths.length === 0 ? 'reloaded, nothing changed' : `reloaded: ${paths.join(', ')}`;
    }),
  );
}

function command(
  parent: Command,
  line: string,
  description: string,
  run: (actions: Actions, given: readonly string[], flags: Flags) => Promise<void>,
): Command {
  return parent
    .command(line)
    .description(description)
    .action(async (...all: unknown[]) => {
      const self = all.at(-1) as Command;
      await run(await import('./admin-actions.js'), self.args, self.optsWithGlobals());
    });
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function parseCount(given: string): number {
  if (!/^[1-9]\d{0,8}$/.test(given)) throw new InvalidArgumentError('It is a number from 1.');
  return Number(given);
}
