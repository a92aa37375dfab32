import { type Command, InvalidArgumentError, Option } from 'commander';

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `token ...`: enrolment tokens in the database of `--data-dir`, which a running relay takes at once. */
export function addTokenCommands(program: Command): void {
  const token = program
    .command('token')
    .description('enrolment tokens in the database of --data-dir, also while a relay uses it')
    .helpCommand(false);
  token
    .command('new')
    .description('make a token, print it once, and keep its hash')
    .addOption(
      new Option('--expires <time>', 'how long it enrols, as 90s, 15m, 12h or 7d, or never')
        .argParser(parseTime)
        .default(7 * 86_400_000, '7d'),
    )
    .option('--uses <count>', 'identities that it enrols, or any', parseCount, 1)
    .option('--note <text>', 'for lists', '')
    .action(async (_options: unknown, command: Command) => {
      const actions = await import('./token-actions.js');
      await actions.createToken(command.optsWithGlobals());
    });
  token
    .command('list')
    .description('list the tokens that hold: id, identities enrolled, uses, expiry, note')
    .action(async (_options: unknown, command: Command) => {
      const actions = await import('./token-actions.js');
      await actions.listTokens(command.optsWithGlobals());
    });
  token
    .command('revoke')
    .description('end a token; whom it enrolled loses its place at once')
    .argument('<id>', '16 hex digits')
    .action(async (id: string, _options: unknown, command: Command) => {
      const actions = await import('./token-actions.js');
      await actions.revokeToken(id, command.optsWithGlobals());
    });
}

/** commander makes an empty text of null. */
function parseTime(text: string): number {
  if (text === 'never') return Number.POSITIVE_INFINITY;
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (unit === undefined || Number(count) === 0)
    throw new InvalidArgumentError('It is a time as 90s, 15m, 12h or 7d, or never.');
  return Number(count) * units[unit]!;
}

function parseCount(text: string): number {
  if (text === 'any') return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a number from 1, or any.');
  return Number(text);
}
