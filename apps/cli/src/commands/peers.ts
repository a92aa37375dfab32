import type { Command } from 'commander';
import { addCommonOptions, type CommonOptions } from './options.js';

export interface PeersOptions extends CommonOptions {
  readonly knownPeers?: string;
}

export interface PeersRelayOptions extends PeersOptions {
  readonly relayId?: string;
}

export function addPeers(program: Command): void {
  const peers = program
    .command('peers')
    .summary('list, accept and forget pinned names')
    .description('What names meant when they were first used, and the newest keys seen of every identity.')
    .helpCommand(false);
  addPeersOptions(peers.command('ls').description('Lists pinned names and known identities.'))
    .addHelpText('after', '\nExamples:\n  $ sealane peers ls\n  $ sealane peers ls --json')
    .action(async (options: PeersOptions) => {
      const { listPeers } = await import('../peers/peers-commands.js');
      await listPeers(options);
    });
  addPeersOptions(
    peers
      .command('accept')
      .description('Takes a changed answer for a name: the one given, or the one that was refused last.')
      .argument('<name>', 'pinned name')
      .argument('[id]', 'id, or ID/SERVICE, that the name shall stand for')
      .option('--relay-id <id>', 'relay, where the name is known at several'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  $ sealane peers accept db <new id>\n  $ sealane peers accept db\n\nAsk the owner for the id by another way than the relay before you accept it.',
    )
    .action(async (name: string, id: string | undefined, options: PeersRelayOptions) => {
      const { acceptPeer } = await import('../peers/peers-commands.js');
      await acceptPeer(name, id, options);
    });
  addPeersOptions(
    peers
      .command('forget')
      .description('Forgets a name, or the keys of an id. The next answer is trusted at first use again.')
      .argument('<name-or-id>', 'pinned name or known id')
      .option('--relay-id <id>', 'only the pin at this relay'),
  )
    .addHelpText('after', '\nExamples:\n  $ sealane peers forget db')
    .action(async (nameOrId: string, options: PeersRelayOptions) => {
      const { forgetPeer } = await import('../peers/peers-commands.js');
      await forgetPeer(nameOrId, options);
    });
}

function addPeersOptions(command: Command): Command {
  return addCommonOptions(command).option('--known-peers <file>', 'file of pinned names and known keys');
}
