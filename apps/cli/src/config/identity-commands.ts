import { resolve } from 'node:path';
import { loadCrypto } from '@sealane/crypto';
import { Credential } from '@sealane/crypto/credential';
import { createKeyFile, rotateKeyFile } from '@sealane/crypto/key-file';
import type { IdFileOptions, IdNewOptions } from '../commands/id.js';
import { printResult } from '../output/print.js';
import { loadIdentity } from './identity.js';

export async function createIdentity(options: IdNewOptions): Promise<void> {
  await loadCrypto();
  const file = resolve(options.out);
  const credential = await Credential.create();
  await createKeyFile(file, credential);
  printResult(options.json, credential.id, { id: credential.id, epoch: credential.epoch, file });
}

export async function showIdentity(options: IdFileOptions): Promise<void> {
  await loadCrypto();
  const { path, credential } = await loadIdentity(options.identity);
  printResult(options.json, credential.id, { id: credential.id, epoch: credential.epoch, file: path });
}

export async function rotateIdentity(options: IdFileOptions): Promise<void> {
  await loadCrypto();
  const { path } = await loadIdentity(options.identity);
  const credential = await rotateKeyFile(path, Date.now());
  printResult(
    options.json,
    `${credential.id} now has epoch ${credential.epoch}; its old handshake keys are erased in a day`,
    {
      id: credential.id,
      epoch: credential.epoch,
      file: path,
    },
  );
}
