import type { Command } from 'commander';

/** `backup`, `restore` and `settings ...`: what is done to the database of a data directory. */
export function addDatabaseCommands(program: Command): void {
  program
    .command('backup')
    .description('write a copy of the database of a data directory, also while a relay uses it')
    .argument('<dir>', 'data directory')
    .argument('<file>', 'a new file')
    .action(async (dir: string, file: string, _options: unknown, command: Command) => {
      const actions = await import('./database-actions.js');
      await actions.backupTo(dir, file, command.optsWithGlobals());
    });
  program
    .command('restore')
    .description('put a backup in the place of the database of a data directory that no relay uses')
    .argument('<dir>', 'data directory')
    .argument('<file>', 'a file that backup wrote')
    .action(async (dir: string, file: string, _options: unknown, command: Command) => {
      const actions = await import('./database-actions.js');
      await actions.restoreFrom(dir, file, command.optsWithGlobals());
    });
  const settings = program.command('settings').description('settings changed at run time').helpCommand(false);
  settings
    .command('set')
    .description('change a setting above file, environment and flags')
    .argument('<path=value>')
    .action(async (text: string, _options: unknown, command: Command) => {
      const actions = await import('./database-actions.js');
      await actions.setStored(text, command.optsWithGlobals());
    });
  settings
    .command('unset')
    .description('take a change at run time back: file, environment, flags or the default hold again')
    .argument('<path>')
    .action(async (path: string, _options: unknown, command: Command) => {
      const actions = await import('./database-actions.js');
      await actions.unsetStored(path, command.optsWithGlobals());
    });
}
