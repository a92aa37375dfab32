import { Command } from 'commander';
import { addCat } from './commands/cat.js';
import { addCompletion } from './commands/completion.js';
import { addConnect } from './commands/connect.js';
import { addDemo } from './commands/demo.js';
import { addExpose } from './commands/expose.js';
import { addId } from './commands/id.js';
import { addLs } from './commands/ls.js';
import { addPeers } from './commands/peers.js';
import { addPing } from './commands/ping.js';
import { addReceive } from './commands/receive.js';
import { addSecret } from './commands/secret.js';
import { addSend } from './commands/send.js';
import { addTicket } from './commands/ticket.js';
import { readVersion } from './version.js';

/** The whole command line. What a command does is loaded when it runs, so that help and errors are quick. */
export function createProgram(): Command {
  const program = new Command('sealane')
    .description(
      'Expose a service behind NAT and connect to it, end-to-end encrypted, through a relay that can carry the bytes but not read, change or cut them unnoticed.',
    )
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: () => {}, writeErr: () => {} })
    .addHelpText(
      'after',
      `
Examples:
  $ sealane demo
  $ sealane expose 8080 --relay wss://relay.example --allow <id of the other side>
  $ sealane connect <address that expose printed> --listen 127.0.0.1:9090
  $ sealane send report.pdf --relay wss://relay.example
  $ sealane id show

Environment:
  SEALANE_RELAY     relay URL where --relay is not given
  XDG_CONFIG_HOME   directory that holds sealane/ with config.json, identity.json and known-peers.jsonl
  HTTPS_PROXY, NO_PROXY   proxy for the link to the relay
  NO_COLOR          no colours

Exit codes: 0 success, 1 failure, 2 wrong usage.`,
    );
  addExpose(program);
  addConnect(program);
  addSend(program);
  addReceive(program);
  addCat(program);
  addPing(program);
  addLs(program);
  addId(program);
  addSecret(program);
  addTicket(program);
  addPeers(program);
  addCompletion(program);
  addDemo(program);
  return program;
}
