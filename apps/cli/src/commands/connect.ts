import type { Command } from 'commander';
import { addCommonOptions, addLiveOptions, addRelayOptions, addTicketOption, type RelayOptions } from './options.js';

export interface ConnectOptions extends RelayOptions {
  readonly live?: boolean;
  readonly listen?: string;
  readonly stdio?: boolean;
  readonly identify?: boolean;
  readonly service?: string;
  readonly ticket?: string;
}

export function addConnect(program: Command): void {
  const command = program
    .command('connect')
    .summary('open a local port, or standard input and output, to an exposed service')
    .description('Opens a local port, a unix socket, or standard input and output to an exposed service.')
    .argument('<address>', 'the sealane:// address that expose printed, an id, or a name')
    .option('--listen <address>', 'HOST:PORT, [IPV6]:PORT (port 0 picks one) or unix:/path')
    .option('--stdio', 'use standard input and output, as for ProxyCommand of ssh')
    .option('--service <service>', 'service at the owner, instead of the one in the address')
    .option('--identify', 'show this identity to the relay too');
  addCommonOptions(addLiveOptions(addRelayOptions(addTicketOption(command))))
    .addHelpText(
      'after',
      `
Examples:
  $ sealane connect 'sealane://<id>?relay=wss%3A%2F%2Frelay.example' --listen 127.0.0.1:9090
  $ sealane connect db --relay wss://relay.example --listen [::1]:5432
  $ sealane connect <id> --listen unix:/tmp/app.sock
  $ sealane connect <id> --ticket ./ticket --listen 127.0.0.1:9090
  $ ssh -o ProxyCommand='sealane connect <id> --relay wss://relay.example --stdio' user@host

In a ProxyCommand every % of a sealane:// address must be doubled: ssh takes a single one for its own.`,
    )
    .action(async (address: string, options: ConnectOptions) => {
      const { runConnect } = await import('../tunnel/connect.js');
      await runConnect(address, options);
    });
}
