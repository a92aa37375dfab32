import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { SealaneError } from '@sealane/types';
import { configFile } from './paths.js';

/** Defaults for options that were not given. Paths are absolute; relative ones in the file are relative to its directory. */
export interface FileConfig {
  readonly relay?: string;
  readonly identity?: string;
  readonly knownPeers?: string;
  /** Certificate authority (PEM) for wss:// relays. */
  readonly ca?: string;
}

const textKeys = ['relay'] as const;
const pathKeys = ['identity', 'knownPeers', 'ca'] as const;
const maxBytes = 65_536;

/** Reads the configuration file; a missing one is an empty one. Throws ERR_CONFIG. */
export async function loadConfigFile(path: string = configFile()): Promise<FileConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new SealaneError('ERR_CONFIG', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (text.length > maxBytes) throw new SealaneError('ERR_CONFIG', `${path} is larger than ${maxBytes} bytes`);
  return parseConfig(text, path);
}

/** Throws ERR_CONFIG for anything but an object of known keys with texts. */
export function parseConfig(text: string, path: string): FileConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SealaneError('ERR_CONFIG', `${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SealaneError('ERR_CONFIG', `${path} must hold one JSON object`);
  }
  const known: readonly string[] = [...textKeys, ...pathKeys];
  const config: Record<string, string> = {};
  for (const [key, entry] of Object.entries(value)) {
    if (!known.includes(key)) {
      throw new SealaneError('ERR_CONFIG', `${path}: "${key}" is not known; known are ${known.join(', ')}`);
    }
    if (typeof entry !== 'string' || entry === '') {
      throw new SealaneError('ERR_CONFIG', `${path}: "${key}" must be a text that is not empty`);
    }
    config[key] = (pathKeys as readonly string[]).includes(key) ? resolve(dirname(path), entry) : entry;
  }
  return config;
}
