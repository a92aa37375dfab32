import { statSync } from 'node:fs';
import type { Credential } from '../credential/credential.js';
import { type LoadedKeyFile, loadKeyFileVersion } from './key-file.js';
import { keyFileError } from './key-file-error.js';
import { type FileVersion, versionOf } from './secret-file.js';

export interface KeyFileWatcherOptions {
  /** Unix time in milliseconds; default `Date.now`. */
  readonly wallMs?: () => number;
}

/**
 * The identity of a key file, as it is now: a stat before each use, and a new reading when the file has changed or
 * the date of erasing its previous epoch has come. So every process sees a rotation at its next handshake.
 */
export class KeyFileWatcher {
  readonly path: string;
  readonly #wallMs: () => number;
  #loaded: LoadedKeyFile | undefined;
  #pending: Promise<Credential> | undefined;

  constructor(path: string, options: KeyFileWatcherOptions = {}) {
    this.path = path;
    this.#wallMs = options.wallMs ?? Date.now;
  }

  /** The same object until something changes. Errors as `loadKeyFile`; the next call tries again. */
  current(): Promise<Credential> {
    // Callers at the same time share one look at the file.
    this.#pending ??= this.#refresh().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #refresh(): Promise<Credential> {
    const nowMs = this.#wallMs();
    const loaded = this.#loaded;
    if (loaded && nowMs < (loaded.credential.eraseAtMs ?? Number.POSITIVE_INFINITY)) {
      if (isSameVersion(loaded.version, this.#fileVersion())) return loaded.credential;
    }
    this.#loaded = await loadKeyFileVersion(this.path, nowMs);
    return this.#loaded.credential;
  }

  /** By a call that does not wait: handing it to another thread costs a hundred times as much, for every handshake. */
  #fileVersion(): FileVersion {
    try {
      return versionOf(statSync(this.path, { bigint: true }));
    } catch (error) {
      throw keyFileError(this.path, error);
    }
  }
}

function isSameVersion(a: FileVersion, b: FileVersion): boolean {
  return (
    a.device === b.device &&
    a.inode === b.inode &&
    a.size === b.size &&
    a.modifiedNs === b.modifiedNs &&
    a.changedNs === b.changedNs
  );
}
