import type { Command } from 'commander';
import { addCommonOptions, type CommonOptions } from './options.js';

export interface SecretNewOptions extends CommonOptions {
  readonly out: string;
}

export function addSecret(program: Command): void {
  const secret = program
    .command('secret')
    .summary('make access secrets')
    .description('Access secrets: a second lock that both sides of a connection must have.')
    .helpCommand(false);
  addCommonOptions(
    secret
      .command('new')
      .description('Makes a new access secret.')
      .requiredOption('--out <file>', 'file to create, mode 0600'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  $ sealane secret new --out ./secret\n\nCopy the file to the other side by a way that you trust, and give it to both with --access-secret.',
    )
    .action(async (options: SecretNewOptions) => {
      const { createSecret } = await import('../config/secret-commands.js');
      await createSecret(options);
    });
}
