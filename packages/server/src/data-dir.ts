import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Credential, SigningKey } from '@sealane/crypto/credential';
import { loadOrCreateKeyFile, makeDirectories, readSecretFile, writeSecretFile } from '@sealane/crypto/key-file';
import { isSealaneError, SealaneError } from '@sealane/types';
import { lockDataDir } from './data-dir-lock.js';

/** What a relay is, from its data directory. */
export interface ServerIdentity {
  readonly identity: Credential;
  readonly nodeKey: SigningKey;
  readonly nodeEpoch: number;
  /** Lets another process use the directory. Idempotent; the end of the process does the same. */
  release(): Promise<void>;
}

const IDENTITY_FILE = 'identity.key';
const NODE_FILE = 'node.key';
const OTHERS = 0o077;

/**
 * Opens a relay's data directory for this process alone, and makes what is missing: the directory (mode 0700), the
 * identity's key file and the node's (mode 0600). The lock goes with the process, also with one that is killed.
 * @throws ERR_DATA_DIR_LOCKED, ERR_DATA_DIR, ERR_KEY_FILE_*
 */
export async function loadServerIdentity(dataDir: string): Promise<ServerIdentity> {
  await prepareDirectory(dataDir);
  const lock = await orDataDirError(dataDir, () => lockDataDir(dataDir));
  try {
    const identity = await loadOrCreateKeyFile(join(dataDir, IDENTITY_FILE));
    const node = await loadOrCreateNodeKey(join(dataDir, NODE_FILE));
    return { identity, nodeKey: node.key, nodeEpoch: node.epoch, release: () => lock.release() };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function prepareDirectory(dataDir: string): Promise<void> {
  await orDataDirError(dataDir, async () => {
    await makeDirectories(dataDir);
    const found = await stat(dataDir);
    if (!found.isDirectory()) throw new SealaneError('ERR_DATA_DIR', `${dataDir} is not a directory`);
    if (process.platform !== 'win32' && (found.mode & OTHERS) !== 0) await chmod(dataDir, 0o700);
  });
}

interface NodeKey {
  readonly key: SigningKey;
  readonly epoch: number;
}

async function loadOrCreateNodeKey(path: string): Promise<NodeKey> {
  try {
    return decodeNodeKey(path, await readSecretFile(path));
  } catch (error) {
    if (!isSealaneError(error, 'ERR_KEY_FILE_MISSING')) throw error;
  }
  const node = { key: SigningKey.create(), epoch: 1 };
  const seed = Buffer.from(node.key.seed).toString('hex');
  await writeSecretFile(path, Buffer.from(`${JSON.stringify({ version: 1, epoch: node.epoch, seed }, null, 2)}\n`));
  return node;
}

function decodeNodeKey(path: string, bytes: Uint8Array): NodeKey {
  const content = parseJson(Buffer.from(bytes).toString('utf8'));
  const { version, epoch, seed } = content;
  const isValid =
    version === 1 &&
    typeof epoch === 'number' &&
    Number.isSafeInteger(epoch) &&
    epoch >= 1 &&
    typeof seed === 'string' &&
    /^[0-9a-f]{64}$/.test(seed);
  if (!isValid) throw new SealaneError('ERR_KEY_FILE_INVALID', `${path} is not a node key file of this version`);
  return { key: SigningKey.fromSeed(Buffer.from(seed, 'hex')), epoch };
}

function parseJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Not JSON: the caller says so about the file.
    return {};
  }
}

async function orDataDirError<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isSealaneError(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SealaneError('ERR_DATA_DIR', `${dataDir} cannot be used: ${reason}`, { cause: error });
  }
}
