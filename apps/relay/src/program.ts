import { createRequire } from 'node:module';
import { Command, InvalidArgumentError } from 'commander';
import { addAdminCommands } from './commands/admin-commands.js';
import { addConfigCommands } from './commands/config-commands.js';
import { addDatabaseCommands } from './commands/database-commands.js';
import { addTokenCommands } from './commands/token-commands.js';
import type { ProgramFlags } from './load-configuration.js';
import { readVersion } from './read-version.js';

/** The command line. What serving needs is loaded when it starts, so that help and errors are quick. */
export function createProgram(): Command {
  const program = new Command('sealane-relay')
    .description('A relay for Sealane: it carries end-to-end encrypted bytes that it cannot read.')
    .option('--listen <host:port>', 'address to listen on; IPv6 in brackets, port 0 picks a free one')
    .option(
      '--data-dir <dir>',
      "directory of the relay's identity and database; made if missing, for one relay at a time",
      parsePath,
    )
    .option('--admin-listen <host:port>', 'serve the admin API here; a port alone is one of 127.0.0.1')
    .option('--admin-host <name>', 'name under which the admin API may be asked (repeatable)', collect, [])
    .option('--config <file>', 'read settings from this YAML file (SEALANE_RELAY_CONFIG)', parsePath)
    .option('--set <path=value>', 'set any setting, stronger than file and environment (repeatable)', collect, [])
    .option('--json', 'every line on standard output is one JSON object')
    .option('--open', 'let anybody use the relay, on an address that others can reach')
    .option(
      '--authority <host:port>',
      'address under which clients know this relay (repeatable); default: any',
      collect,
      [],
    )
    .option('--no-list', 'do not list the leases that their owners made public')
    .option('--trust-proxy <cidr>', 'believe X-Forwarded-For of this address or network (repeatable)', collect, [])
    .option('--proxy-protocol', 'connections of trusted proxies begin with PROXY data of version 2, all of them')
    .option('--limit-loopback', 'limit 127.0.0.1 and ::1 per address as all others')
    .option('--reserve-name <name[=id]>', 'give this name (name* for a beginning) to nobody, or to one id', collect, [])
    .option(
      '--admit <rules>',
      'who may use the relay: allowlist, token, approval, callout, open; of several with commas one is enough, of several --admit all are needed',
      collect,
      [],
    )
    .option('--no-anonymous', 'only who is admitted may look up, list and dial; dialers have to show who they are')
    .option('--allow-file <file>', 'ids for the rule "allowlist", one per line; read again when it changes')
    .option('--token-file <file>', 'tokens from before the database, for the rule "token"; taken over into it')
    .option(
      '--approved-file <file>',
      'ids that are approved beside those in the database, for the rule "approval"; read again when it changes',
    )
    .option('--callout <url>', 'service that the rule "callout" asks')
    .option('--callout-token-file <file>', 'file with the bearer token for that service')
    .option('--callout-timeout <seconds>', 'how long its answer may take (default: 3)', parseSeconds)
    .option('--callout-failure <mode>', 'what no answer means, refuse or admit (default: refuse)')
    .option('--drain <seconds>', 'how long sessions may go on after SIGTERM (default: 5)', parseSeconds)
    .option('--debug', 'print stack traces of errors')
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    // Their commands take the same sources of settings.
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({ outputError: () => undefined, writeErr: () => undefined })
    .addHelpText(
      'after',
      `
Examples:
  $ sealane-relay --listen 127.0.0.1:8787 --data-dir ./relay
  $ sealane-relay --listen '[::1]:0' --data-dir ./relay --json
  $ sealane-relay --listen 0.0.0.0:8787 --data-dir /var/lib/sealane --open --authority relay.example:443
  $ sealane-relay --listen 0.0.0.0:8787 --data-dir ./relay --admit allowlist,token --allow-file ids
  $ sealane-relay token new --data-dir ./relay --uses 5 --expires 7d
  $ sealane-relay --config /etc/sealane/relay.yaml --set limits.maxSockets=4000

Settings: docs/operations.md; who may use it: docs/admission.md. Signals: SIGHUP reads the settings again, SIGTERM stops.
Behind a TLS proxy clients use wss://; the proxy must pass WebSockets on, and X-Forwarded-For, and --trust-proxy
must name it. What other proxies say is not believed: all their clients count as one.

Exit codes: 0 success, 1 failure, 2 wrong usage.`,
    )
    .action(async (flags: ProgramFlags) => {
      // An import opens all files at once that its modules name; with few file handles they have to come one by one.
      const require = createRequire(import.meta.url);
      require('./load-configuration.js');
      const { loadConfiguration } = await import('./load-configuration.js');
      const configuration = loadConfiguration(flags);
      require('./serve.js');
      const { serve } = await import('./serve.js');
      await serve(configuration);
    });
  addAdminCommands(program);
  addConfigCommands(program);
  addDatabaseCommands(program);
  addTokenCommands(program);
  return program;
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function parsePath(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return text;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds > 3_600) {
    throw new InvalidArgumentError('It is a number of seconds from 0 to 3600.');
  }
  return seconds;
}
