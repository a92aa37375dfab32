import type { Command } from 'commander';
import { addCommonOptions, type CommonOptions } from './options.js';

export interface IdFileOptions extends CommonOptions {
  readonly identity?: string;
}

export interface IdNewOptions extends CommonOptions {
  readonly out: string;
}

export function addId(program: Command): void {
  const id = program
    .command('id')
    .summary('make, show and rotate identities')
    .description('Identities: key files and the ids that they stand for.')
    .helpCommand(false);
  addCommonOptions(
    id
      .command('new')
      .description('Makes a new identity and prints its id.')
      .requiredOption('--out <file>', 'key file to create, mode 0600'),
  )
    .addHelpText('after', '\nExamples:\n  $ sealane id new --out ./laptop.json')
    .action(async (options: IdNewOptions) => {
      const { createIdentity } = await import('../config/identity-commands.js');
      await createIdentity(options);
    });
  addCommonOptions(
    id
      .command('show')
      .description('Prints the id alone.')
      .option('--identity <file>', 'key file; default: the one in the configuration directory'),
  )
    .addHelpText('after', '\nExamples:\n  $ sealane id show\n  $ sealane id show --identity ./laptop.json')
    .action(async (options: IdFileOptions) => {
      const { showIdentity } = await import('../config/identity-commands.js');
      await showIdentity(options);
    });
  addCommonOptions(
    id
      .command('rotate')
      .description(
        'Makes new handshake keys for the same id. The old ones are erased a day later; running programs notice by themselves.',
      )
      .option('--identity <file>', 'key file; default: the one in the configuration directory'),
  )
    .addHelpText('after', '\nExamples:\n  $ sealane id rotate')
    .action(async (options: IdFileOptions) => {
      const { rotateIdentity } = await import('../config/identity-commands.js');
      await rotateIdentity(options);
    });
}
