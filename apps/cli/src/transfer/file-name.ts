import { SealaneError } from '@sealane/types';
import { sanitize } from '../output/sanitize.js';

const MAX_NAME_BYTES = 255;
/** Names of devices on Windows, with any extension. */
const reserved = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$/i;

/**
 * A name that a stranger may give a file in the current directory: no path, nothing that a shell, a terminal or another
 * system takes for something else, nothing hidden. ERR_TRANSFER_NAME; the user can give another name.
 */
export function assertFileName(name: string): void {
  const problem = problemOf(name);
  if (problem === undefined) return;
  throw new SealaneError(
    'ERR_TRANSFER_NAME',
    `the name that the other side gave the file is not taken: ${problem}; give another with --output`,
  );
}

function problemOf(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `it is longer than ${MAX_NAME_BYTES} bytes`;
  if (/[/\\]/.test(name)) return 'it is a path';
  if (sanitize(name, MAX_NAME_BYTES) !== name) return 'it has characters that cannot be seen';
  if (name.startsWith('.')) return 'it starts with a dot';
  if (name.startsWith('-') || name.startsWith('~')) return `it starts with "${name[0]}"`;
  if (/[<>:"|?*]/.test(name)) return 'it has one of the characters < > : " | ? *';
  if (/[. ]$/.test(name) || name.startsWith(' ')) return 'it starts or ends with a space, or ends with a dot';
  if (reserved.test(name)) return 'it is the name of a device on some systems';
  return undefined;
}
