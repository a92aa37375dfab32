import { type Command, Option } from 'commander';
import { usageError } from '../output/error-line.js';
import { addCommonOptions, type CommonOptions } from './options.js';

export interface TicketNewOptions extends CommonOptions {
  readonly identity?: string;
  readonly service?: string;
  readonly for?: string;
  readonly bearer?: boolean;
  readonly alpn?: string;
  /** Milliseconds. */
  readonly expires: number;
  /** 0: any number. */
  readonly uses?: number;
  readonly out?: string;
}

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function addTicket(program: Command): void {
  const ticket = program
    .command('ticket')
    .summary('make tickets for a service of this identity')
    .description('Tickets: what a dialer shows to reach a service that "sealane expose --tickets" offers.')
    .helpCommand(false);
  addCommonOptions(
    ticket
      .command('new')
      .description(
        'Signs a new ticket and prints it. Who has it can use it as far as it goes: send it by a way that you trust.',
      )
      .option('--for <id>', 'the only identity that may use it')
      .option('--bearer', 'whoever has the ticket may use it')
      .option('--identity <file>', 'key file of the owner; default: the one in the configuration directory')
      .option('--service <service>', 'service that it is for', '')
      .option('--alpn <protocol>', 'the only application protocol that may be asked for')
      .addOption(
        new Option('--expires <time>', 'how long it lets in, and its sessions live, as 90s, 15m, 12h or 7d')
          .argParser(parseTime)
          .default(units['h'], '1h'),
      )
      .addOption(
        new Option(
          '--uses <count>',
          'sessions that may be begun with it, or any; default: 1, with --for any',
        ).argParser(parseUses),
      )
      .option('--out <file>', 'file to create, mode 0600, instead of printing the ticket'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ sealane ticket new --for <id of the other side> --expires 7d
  $ sealane ticket new --bearer --service ssh --expires 15m --out ./ticket

The other side gives it to "sealane connect ADDRESS --ticket FILE".`,
    )
    .action(async (options: TicketNewOptions) => {
      const { createTicketText } = await import('../config/ticket-commands.js');
      await createTicketText(options);
    });
}

function parseTime(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (unit === undefined || Number(count) === 0)
    throw usageError(`"${text}" is no time for --expires; write 90s, 15m, 12h or 7d`);
  return Number(count) * units[unit]!;
}

function parseUses(text: string): number {
  if (text === 'any') return 0;
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw usageError(`"${text}" is no number for --uses; write a number from 1, or any`);
  return Number(text);
}
