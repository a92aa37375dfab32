import type { Command } from 'commander';
import { addResumeOption } from './options.js';
import { addTransferOptions, type TransferOptions } from './transfer-options.js';

export interface CatOptions extends TransferOptions {
  /** Seconds. */
  readonly resume: number;
}

export function addCat(program: Command): void {
  const command = program
    .command('cat')
    .summary('join standard input and output of two programs over a one-time address')
    .description(
      'Joins standard input and output with those of another "sealane cat", both ways, each with its own end. Without ADDRESS it prints a one-time address on standard error.',
    )
    .argument('[address]', 'one-time address that the other "sealane cat" printed');
  addTransferOptions(addResumeOption(command))
    .addHelpText(
      'after',
      `
Examples:
  $ sealane cat --relay wss://relay.example < key.pub
  $ sealane cat 'sealane://<id>?relay=...#1:...' > key.pub`,
    )
    .action(async (address: string | undefined, options: CatOptions) => {
      const { runCat } = await import('../transfer/cat.js');
      await runCat(address, options);
    });
}
