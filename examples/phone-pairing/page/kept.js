// What the phone keeps besides its keys: where the computer is, and what it is called. One computer per browser.

/** @typedef {{ address: string, computer: string }} Kept */

/** @returns {Promise<Kept | undefined>} */
export async function readKept() {
  return /** @type {Kept | undefined} */ (await inStore('readonly', (store) => store.get('computer')));
}

/** Resolves when it is stored. @param {Kept} kept */
export async function keep(kept) {
  await inStore('readwrite', (store) => store.put(kept, 'computer'));
}

export async function forgetKept() {
  await inStore('readwrite', (store) => store.delete('computer'));
}

/** @template T @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest<T>} work @returns {Promise<T>} */
async function inStore(mode, work) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction('kept', mode, { durability: 'strict' });
      const request = work(transaction.objectStore('kept'));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('phone-pairing', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('kept');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
