import type { Command } from 'commander';
import { usageError } from '../output/error-line.js';
import { addCommonOptions, type CommonOptions, tokenText } from './options.js';

export interface LsOptions extends CommonOptions {
  readonly relay?: readonly string[];
  readonly ca?: string;
  readonly identify?: boolean;
  readonly identity?: string;
  readonly token?: string;
}

export function addLs(program: Command): void {
  const command = program
    .command('ls')
    .summary('list the public services of a relay')
    .description(
      'Lists the services at a relay whose owners made them public with "expose --public". The relay may leave some out; what it shows is the signed word of the owners. No identity is shown to the relay, unless --identify says so.',
    )
    .option('--relay <url>', 'relay, ws:// or wss://; a relay id after "#" pins its identity', collectOne)
    .option('--identify', 'show an identity to the relay, which may ask for one')
    .option('--identity <file>', 'key file of that identity; created at first use in the configuration directory')
    .option('--token <file>', `${tokenText}; with --identify`)
    .option('--ca <file>', 'PEM file of the certificate authority of a wss:// relay');
  addCommonOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  $ sealane ls --relay wss://relay.example\n  $ sealane ls --relay wss://relay.example --json',
    )
    .action(async (options: LsOptions) => {
      const { runLs } = await import('../listing/ls.js');
      await runLs(options);
    });
}

function collectOne(value: string, previous: readonly string[] | undefined): string[] {
  if (previous !== undefined) throw usageError('ls asks one relay; give --relay once');
  return [value];
}
