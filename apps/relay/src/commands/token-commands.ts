import { type Command, Option } from 'commander';
import { parseTime, parseUses } from './parse-time.js';

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
    .option('--uses <count>', 'identities that it enrols, or any', parseUses, 1)
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
