import { Credential, type Identity } from '@sealane/crypto/credential';
import { WebCredential } from '@sealane/crypto/web-credential';
import { isSealaneError, SealaneError } from '@sealane/types';
import type { CredentialSource } from '../options.js';
import { BrowserDatabase, DEFAULT_DATABASE } from './browser-database.js';
import { IdentitySlot } from './identity-slot.js';
import { type StoredIdentity, unwrapCredential, wrapCredential } from './stored-identity.js';

/**
 * How the secrets are kept. `non-extractable`: as WebCrypto keys that no script can read. `wrapped`: encrypted with such
 * a key, and in the memory of the page while it is open. docs/browser.md says what each protects against.
 */
export type IdentityProtection = 'non-extractable' | 'wrapped';

export interface BrowserIdentityOptions {
  /** Which identity of this origin. Default 'default'. */
  readonly name?: string;
  /** The IndexedDB database. Default 'sealane'. */
  readonly database?: string;
}

interface Loaded {
  readonly revision: string;
  readonly identity: WebCredential | Credential;
}

/** An identity that outlives the page, for `credential` of a client. Shared by all pages and workers of the origin. */
export class BrowserIdentity implements CredentialSource {
  /** 56 characters. */
  readonly id: string;
  readonly name: string;
  readonly protection: IdentityProtection;
  readonly #slot: IdentitySlot;
  #loaded: Loaded;
  #pending: Promise<Identity> | undefined;

  /** See {@link openBrowserIdentity}. */
  constructor(slot: IdentitySlot, loaded: Loaded) {
    this.id = loaded.identity.id;
    this.name = slot.name;
    this.protection = loaded.identity instanceof WebCredential ? 'non-extractable' : 'wrapped';
    this.#slot = slot;
    this.#loaded = loaded;
  }

  /** As it is stored now: another page may have rotated it. ERR_STORAGE, also when it was erased. */
  current(): Promise<Identity> {
    // Callers at the same time share one look at the storage.
    this.#pending ??= this.#refresh().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  /**
   * Begins the next epoch with a new handshake key; clients that use this identity register their leases with it. Of
   * pages that rotate at the same time one does, and all get its result. The present key is kept for a day.
   */
  async rotate(): Promise<Identity> {
    await this.current();
    const { revision, identity } = this.#loaded;
    await this.#slot.replace(revision, await encode(this.name, await identity.rotate({ nowMs: Date.now() })));
    return await this.current();
  }

  /** Removes the identity from this browser for good. Clients that use it fail with ERR_STORAGE from then on. */
  async erase(): Promise<void> {
    await this.#slot.erase();
  }

  async #refresh(): Promise<Identity> {
    const stored = await this.#slot.read();
    if (stored === undefined) {
      throw new SealaneError('ERR_STORAGE', `the identity "${this.name}" is no longer in this browser`);
    }
    const { revision, identity } = this.#loaded;
    const isDue = Date.now() >= (identity.eraseAtMs ?? Number.POSITIVE_INFINITY);
    if (stored.revision === revision && !isDue) return identity;
    this.#loaded = await load(this.#slot, stored);
    return this.#loaded.identity;
  }
}

/**
 * The identity `name` of this origin; the first call anywhere makes it, in epoch 1. ERR_STORAGE where IndexedDB cannot be
 * used, ERR_CRYPTO_UNAVAILABLE without WebAssembly or outside a secure context (https or localhost).
 */
export async function openBrowserIdentity(options: BrowserIdentityOptions = {}): Promise<BrowserIdentity> {
  const { name = 'default', database = DEFAULT_DATABASE } = options;
  const slot = new IdentitySlot(new BrowserDatabase(database), name);
  // Keys take time that no transaction gives: they are made first, and thrown away where another page was faster.
  const stored = (await slot.read()) ?? (await slot.add(await create(name)));
  return new BrowserIdentity(slot, await load(slot, stored));
}

async function create(name: string): Promise<StoredIdentity> {
  try {
    return await encode(name, await WebCredential.create());
  } catch (error) {
    if (!isSealaneError(error, 'ERR_CRYPTO_UNAVAILABLE') || crypto.subtle === undefined) throw error;
    return await encode(name, await Credential.create());
  }
}

async function encode(name: string, identity: WebCredential | Credential): Promise<StoredIdentity> {
  const revision = crypto.randomUUID();
  if (identity instanceof WebCredential) return { version: 1, revision, kind: 'web', record: identity.record };
  return { version: 1, revision, kind: 'wrapped', ...(await wrapCredential(name, identity)) };
}

async function load(slot: IdentitySlot, stored: StoredIdentity): Promise<Loaded> {
  const identity = await decode(slot.name, stored);
  const held = stored.kind === 'web' ? stored.record.previous !== null : stored.hasPrevious;
  if (!held || identity.eraseAtMs !== undefined) return { revision: stored.revision, identity };
  // The day after a rotation is over: what is stored must not hold the old key any longer.
  const left = await slot.replace(stored.revision, await encode(slot.name, identity));
  return { revision: left.revision, identity: await decode(slot.name, left) };
}

async function decode(name: string, stored: StoredIdentity): Promise<WebCredential | Credential> {
  return stored.kind === 'web'
    ? await WebCredential.open(stored.record)
    : await Credential.decode(await unwrapCredential(name, stored));
}
