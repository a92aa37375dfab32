import type { Command } from 'commander';

/** `init` and `config ...`. What they do is loaded when they run. */
export function addConfigCommands(program: Command): void {
  program
    .command('init')
    .description('write a configuration file with every setting, its meaning and its default')
    .argument('[file]', 'a new file', 'relay.yaml')
    .action(async (file: string, _options: unknown, command: Command) => {
      const { init } = await import('./config-actions.js');
      init(file, command.optsWithGlobals());
    });
  const config = program.command('config').description('look at settings').helpCommand(false);
  config
    .command('show')
    .description('print every setting with its value and where that comes from')
    .action(async (_options: unknown, command: Command) => {
      const { show } = await import('./config-actions.js');
      await show(command.optsWithGlobals());
    });
  config
    .command('check')
    .description('check a file: every mistake with its line, and what was probably meant')
    .argument('<file>')
    .action(async (file: string, _options: unknown, command: Command) => {
      const { check } = await import('./config-actions.js');
      check(file, command.optsWithGlobals());
    });
  config
    .command('schema')
    .description('print the JSON Schema of the file')
    .action(async () => {
      const { schema } = await import('./config-actions.js');
      schema();
    });
}
