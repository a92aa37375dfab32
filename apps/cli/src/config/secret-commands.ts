import { resolve } from 'node:path';
import { loadCrypto } from '@sealane/crypto';
import { encodeAccessSecret, generateAccessSecret, parseAccessSecret } from '@sealane/crypto/credential';
import { readSecretFile, writeSecretFile } from '@sealane/crypto/key-file';
import type { SecretNewOptions } from '../commands/secret.js';
import { printResult } from '../output/print.js';

/** The secret itself is never printed: it is in the file alone. */
export async function createSecret(options: SecretNewOptions): Promise<void> {
  await loadCrypto();
  const file = resolve(options.out);
  await writeSecretFile(file, new TextEncoder().encode(`${encodeAccessSecret(generateAccessSecret())}\n`));
  printResult(options.json, `wrote ${file}; give it to both sides with --access-secret`, { file });
}

/** The access secret in a file that only its user can read. Throws ERR_SECRET_INVALID or ERR_KEY_FILE_PERMISSIONS. */
export async function loadAccessSecret(path: string): Promise<Uint8Array> {
  const bytes = await readSecretFile(resolve(path));
  return parseAccessSecret(new TextDecoder().decode(bytes).trim());
}
