import type { Command } from 'commander';
import { addTransferOptions, addWaitOption, type ResumableOptions } from './transfer-options.js';

export interface ReceiveOptions extends ResumableOptions {
  readonly output?: string;
  readonly force?: boolean;
}

export function addReceive(program: Command): void {
  const command = program
    .command('receive')
    .summary('receive files over a one-time address')
    .description(
      'Receives the files of "sealane send". Without ADDRESS it prints a one-time address for "sealane send --to". A file gets its name when it is whole and its checksum, BLAKE2b-256, is right; until then it is a hidden .part file beside it.',
    )
    .argument('[address]', 'one-time address that "sealane send" printed')
    .option('-o, --output <path>', 'file or directory to write to, or - for standard output')
    .option('--force', 'replace files that are there');
  addTransferOptions(addWaitOption(command))
    .addHelpText(
      'after',
      `
Examples:
  $ sealane receive 'sealane://<id>?relay=...#1:...'
  $ sealane receive 'sealane://<id>?relay=...#1:...' -o - | tar x
  $ sealane receive --relay wss://relay.example -o ~/Downloads/`,
    )
    .action(async (address: string | undefined, options: ReceiveOptions) => {
      const { runReceive } = await import('../transfer/receive.js');
      await runReceive(address, options);
    });
}
