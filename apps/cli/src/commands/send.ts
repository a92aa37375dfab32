import type { Command } from 'commander';
import { addTransferOptions, addWaitOption, type ResumableOptions } from './transfer-options.js';

export interface SendOptions extends ResumableOptions {
  readonly to?: string;
  readonly name?: string;
}

export function addSend(program: Command): void {
  const command = program
    .command('send')
    .summary('send files over a one-time address')
    .description(
      'Sends files. Prints a one-time address with a secret in it: whoever has it can receive, once. With --to it sends to the address that "sealane receive" printed. Both sides show the checksum, BLAKE2b-256.',
    )
    .argument('<file...>', 'files, or - for standard input')
    .option('--to <address>', 'one-time address that "sealane receive" printed')
    .option('--name <name>', 'name of the file at the other side');
  addTransferOptions(addWaitOption(command))
    .addHelpText(
      'after',
      `
Examples:
  $ sealane send report.pdf --relay wss://relay.example
  $ tar c photos | sealane send - --name photos.tar
  $ sealane send a.bin b.bin --to 'sealane://<id>?relay=...#1:...'`,
    )
    .action(async (files: readonly string[], options: SendOptions) => {
      const { runSend } = await import('../transfer/send.js');
      await runSend(files, options);
    });
}
