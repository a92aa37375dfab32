// The phones that may come in: a small file, read at every decision, so that what is forgotten is forgotten at once.
import { readSecretFile, writeSecretFile } from '@sealane/crypto/key-file';

/** @typedef {{ id: string, name: string }} Phone */

export class Phones {
  #path;

  /** @param {string} path */
  constructor(path) {
    this.#path = path;
  }

  /** @returns {Promise<Phone[]>} */
  async list() {
    try {
      return JSON.parse(new TextDecoder().decode(await readSecretFile(this.#path)));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ERR_KEY_FILE_MISSING') return [];
      throw error;
    }
  }

  /** @param {string} id */
  async find(id) {
    return (await this.list()).find((phone) => phone.id === id);
  }

  /** @param {Phone} phone */
  async add(phone) {
    await this.#write([...(await this.list()).filter(({ id }) => id !== phone.id), phone]);
  }

  async forgetAll() {
    await this.#write([]);
  }

  /** Only this user may change who comes in, and the file is there whole or not at all. @param {Phone[]} phones */
  async #write(phones) {
    const text = JSON.stringify(phones, undefined, 2);
    await writeSecretFile(this.#path, new TextEncoder().encode(`${text}\n`), { overwrite: true });
  }
}
