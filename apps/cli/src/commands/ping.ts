import { type Command, Option } from 'commander';
import { usageError } from '../output/error-line.js';
import { addCommonOptions, addLinkOptions, addTicketOption, type LinkOptions, parseSeconds } from './options.js';

export interface PingOptions extends LinkOptions {
  /** 0 goes on until a signal. */
  readonly count: number;
  /** Seconds. */
  readonly interval: number;
  readonly timeout: number;
  readonly identify?: boolean;
  readonly service?: string;
  readonly ticket?: string;
}

export function addPing(program: Command): void {
  const command = program
    .command('ping')
    .summary('measure round trips to an owner and to the relay')
    .description(
      'Measures round trips to an owner, encrypted through a session as everything else, and to the relay. Nothing is sent to the service behind the owner.',
    )
    .argument('<address>', 'the sealane:// address that expose printed, an id, or a name')
    .addOption(new Option('--count <rounds>', 'rounds; 0 goes on until Ctrl-C').argParser(parseCount).default(5))
    .addOption(
      new Option('--interval <seconds>', 'from the start of one round to the next')
        .argParser((text) => parseSeconds(text, '--interval', 0.01))
        .default(1),
    )
    .addOption(
      new Option('--timeout <seconds>', 'a later answer counts as lost')
        .argParser((text) => parseSeconds(text, '--timeout', 0.01))
        .default(3),
    )
    .option('--service <service>', 'service at the owner, instead of the one in the address')
    .option('--identify', 'show this identity to the relay too');
  addCommonOptions(addLinkOptions(addTicketOption(command)))
    .addHelpText(
      'after',
      `
Examples:
  $ sealane ping 'sealane://<id>?relay=wss%3A%2F%2Frelay.example'
  $ sealane ping db --relay wss://relay.example --count 100 --interval 0.1
  $ sealane ping <id> --count 0 --json

The exit code is 1 when the owner or the relay gave no answer in the last round; Ctrl-C ends with 0.`,
    )
    .action(async (address: string, options: PingOptions) => {
      const { runPing } = await import('../ping/ping.js');
      await runPing(address, options);
    });
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d{1,9}$/.test(text)) throw usageError(`"${text}" is not a number of rounds for --count`);
  return count;
}
