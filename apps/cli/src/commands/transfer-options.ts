import { type Command, Option } from 'commander';
import { addCommonOptions, type CommonOptions, collect, parseSeconds, tokenText } from './options.js';

/** Options of send, receive and cat. */
export interface TransferOptions extends CommonOptions {
  readonly relay?: readonly string[];
  readonly ca?: string;
  readonly token?: string;
  readonly qr: boolean;
}

export interface ResumableOptions extends TransferOptions {
  readonly wait: number;
}

export function addTransferOptions(command: Command): Command {
  return addCommonOptions(
    command
      .option(
        '--relay <url>',
        'relay, ws:// or wss://; a relay id after "#" pins its identity; may be repeated',
        collect,
      )
      .option('--ca <file>', 'PEM file of the certificate authority of a wss:// relay')
      .option('--token <file>', `${tokenText}; each transfer uses it once`)
      .option('--no-qr', 'no QR code of the address'),
  );
}

export function addWaitOption(command: Command): Command {
  return command.addOption(
    new Option('--wait <seconds>', 'time in which an interrupted other side may come back and go on; 0 for none')
      .argParser((text) => parseSeconds(text, '--wait', 0))
      .default(60),
  );
}
