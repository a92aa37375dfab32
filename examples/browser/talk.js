// What the two ends say to each other: every message and every file is one stream. Runs in a page and on Node alike.

/** Larger files would have to be hashed while they pass. */
const MAX_FILE_BYTES = 1_073_741_824;
const MAX_MESSAGE_BYTES = 16_384;
const encoder = new TextEncoder();

/**
 * @typedef {import('@sealane/client').SecureConnection} SecureConnection
 * @typedef {import('@sealane/client').SecureStream} SecureStream
 * @typedef {(doneBytes: number, allBytes: number) => void} Progress
 * @typedef {{
 *   onMessage: (text: string) => void,
 *   onFile: (name: string, bytes: number) => { progress: Progress, done: (file: Blob, sha256: string) => void, failed: () => void },
 * }} Listeners
 */

/**
 * Sends one message; resolves when the other side has taken it.
 * @param {SecureConnection} connection
 * @param {string} text
 */
export async function sendMessage(connection, text) {
  const stream = await connection.openStream({ label: 'message' });
  const writer = stream.writable.getWriter();
  await writer.write(encoder.encode(text));
  await writer.close();
}

/**
 * Sends a file and compares what the other side has hashed. Backpressure is the stream's: nothing piles up here.
 * @param {SecureConnection} connection
 * @param {string} name
 * @param {Blob} file
 * @param {Progress} progress
 * @returns {Promise<string>} the SHA-256 that both sides found
 */
export async function sendFile(connection, name, file, progress) {
  const metadata = encoder.encode(JSON.stringify({ name: name.slice(0, 200), bytes: file.size }));
  const stream = await connection.openStream({ label: 'file', metadata });
  const theirs = readText(stream, 64);
  await file.stream().pipeThrough(counting(file.size, progress)).pipeTo(stream.writable);
  const ours = await sha256(file);
  if ((await theirs) !== ours) throw new Error('the file arrived changed');
  return ours;
}

/**
 * Takes what the other side sends until the session ends.
 * @param {SecureConnection} connection
 * @param {Listeners} listeners
 */
export async function receive(connection, listeners) {
  for await (const stream of connection) {
    take(stream, listeners).catch(() => stream.abort());
  }
}

/** @param {SecureStream} stream @param {Listeners} listeners */
async function take(stream, listeners) {
  if (stream.label === 'message') {
    const text = await readText(stream, MAX_MESSAGE_BYTES);
    await stream.closeWrite();
    listeners.onMessage(text);
  } else if (stream.label === 'file') await takeFile(stream, listeners);
  else throw new Error('it is neither a message nor a file');
}

/** @param {SecureStream} stream @param {Listeners} listeners */
async function takeFile(stream, listeners) {
  // Whoever is invited is still a stranger: nothing they say is used before it was looked at.
  const { name, bytes } = JSON.parse(new TextDecoder().decode(stream.metadata));
  if (typeof name !== 'string' || !Number.isSafeInteger(bytes) || bytes < 0 || bytes > MAX_FILE_BYTES) {
    throw new Error('the file has no name or size that can be taken');
  }
  const { progress, done, failed } = listeners.onFile(name.replace(/[^\p{L}\p{N} ._-]/gu, '_'), bytes);
  try {
    const file = await readBlob(stream, bytes, progress);
    if (file.size !== bytes) throw new Error('the file is shorter than announced');
    const hash = await sha256(file);
    const writer = stream.writable.getWriter();
    await writer.write(encoder.encode(hash));
    await writer.close();
    done(file, hash);
  } catch (error) {
    failed();
    throw error;
  }
}

/** @param {SecureStream} stream @param {number} maxBytes */
async function readText(stream, maxBytes) {
  const blob = await readBlob(stream, maxBytes, () => undefined);
  return await blob.text();
}

/** @param {SecureStream} stream @param {number} maxBytes @param {Progress} progress */
async function readBlob(stream, maxBytes, progress) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const chunks = [];
  let size = 0;
  const reader = stream.readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return new Blob(chunks);
    size += value.length;
    if (size > maxBytes) throw new Error('it is longer than announced');
    chunks.push(/** @type {Uint8Array<ArrayBuffer>} */ (value));
    progress(size, maxBytes);
  }
}

/** @param {number} allBytes @param {Progress} progress @returns {TransformStream<Uint8Array, Uint8Array>} */
function counting(allBytes, progress) {
  let doneBytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      doneBytes += chunk.length;
      progress(doneBytes, allBytes);
      controller.enqueue(chunk);
    },
  });
}

/** @param {Blob} file */
async function sha256(file) {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
