import type { Command } from 'commander';
import { addCommonOptions, addLiveOptions, addRelayOptions, collect, type RelayOptions } from './options.js';

export interface ExposeOptions extends RelayOptions {
  readonly live?: boolean;
  readonly name?: string;
  readonly service?: string;
  readonly allow?: readonly string[];
  readonly allowFile?: string;
  readonly allowAny?: boolean;
  readonly tickets?: boolean;
  readonly public?: boolean;
  readonly metadata?: string;
  readonly takeOver?: boolean;
  readonly qr?: boolean;
}

export function addExpose(program: Command): void {
  const command = program
    .command('expose')
    .summary('make a local service reachable through a relay')
    .description(
      'Makes a local service reachable through a relay. Nobody may connect unless --allow, --allow-file, --allow-any or --tickets says so.',
    )
    .argument('<target>', 'PORT, HOST:PORT, [IPV6]:PORT, tcp://HOST:PORT or unix:/path')
    .option('--name <name>', 'name at the relay, beside the id')
    .option('--service <service>', 'one of several services of the same identity (a-z, 0-9, hyphen)')
    .option('--allow <id>', 'identity that may connect, ID or ID?e=EPOCH for a minimum epoch; may be repeated', collect)
    .option('--allow-file <file>', 'file with one such identity per line, read again when it changes')
    .option('--allow-any', 'let everybody connect who knows the address')
    .option('--tickets', 'only who shows a ticket of this identity may connect, made by "sealane ticket new"')
    .option('--public', 'let the relay list this service')
    .option('--metadata <json>', 'JSON text that the relay may show, at most 4096 bytes')
    .option('--take-over', 'take the service over from another process of the same identity')
    .option('--qr', 'show the address as a QR code too, where the terminal can');
  addCommonOptions(addLiveOptions(addRelayOptions(command)))
    .addHelpText(
      'after',
      `
Examples:
  $ sealane expose 8080 --relay wss://relay.example --allow <id>
  $ sealane expose db.internal:5432 --name db --allow-file ./allowed.txt
  $ sealane expose unix:/run/app.sock --allow-any --access-secret ./secret
  $ sealane expose [::1]:22 --service ssh --allow '<id>?e=2' --json`,
    )
    .action(async (target: string, options: ExposeOptions) => {
      const { runExpose } = await import('../tunnel/expose.js');
      await runExpose(target, options);
    });
}
