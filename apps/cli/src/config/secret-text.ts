import { resolve } from 'node:path';
import { readSecretFile } from '@sealane/crypto/key-file';

/**
 * The text of a secret in a file that only its user can read; or `value` itself where it begins as one does, which others
 * on the machine can see. Throws ERR_KEY_FILE_*.
 */
export async function readSecretText(value: string, prefix: string): Promise<string> {
  if (value.trim().toLowerCase().startsWith(prefix)) return value;
  return new TextDecoder().decode(await readSecretFile(resolve(value)));
}
