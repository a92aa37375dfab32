// What a paired phone sends: every text and every photo is one stream, answered when the computer has it.
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from './printable.js';

const MAX_TEXT_BYTES = 65_536;
const MAX_PHOTO_BYTES = 67_108_864;
const MAX_PHOTOS = 10_000;
/** The computer names the files, and takes nothing that it does not know. @type {Readonly<Record<string, string>>} */
const endings = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'image/heic': 'heic',
  'image/avif': 'avif',
};

/**
 * Takes one stream; gives the line to show.
 * @param {import('@sealane/client').SecureStream} stream
 * @param {string} directory where photos go
 */
export async function takeFromPhone(stream, directory) {
  if (stream.label === 'text') {
    const text = await readText(stream.readable, MAX_TEXT_BYTES);
    await answer(stream, 'received');
    return `text ${printable(text)}`;
  }
  if (stream.label !== 'photo') throw new Error('it is neither text nor a photo');
  const ending = endings[new TextDecoder().decode(stream.metadata)];
  if (ending === undefined) throw new Error('it is no kind of photo that is known here');
  const { name, bytes } = await save(stream.readable, directory, ending);
  await answer(stream, `saved as ${name}`);
  return `photo ${name} ${bytes} bytes`;
}

/** @param {ReadableStream<Uint8Array>} readable @param {number} maxBytes */
async function readText(readable, maxBytes) {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of limited(readable, maxBytes)) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

/** @param {import('@sealane/client').SecureStream} stream @param {string} text */
async function answer(stream, text) {
  const writer = stream.writable.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}

/** @param {ReadableStream<Uint8Array>} readable @param {string} directory @param {string} ending */
async function save(readable, directory, ending) {
  const { handle, name } = await createFile(directory, ending);
  let bytes = 0;
  try {
    for await (const chunk of limited(readable, MAX_PHOTO_BYTES)) {
      await handle.appendFile(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    // Half a photo is none.
    await unlink(join(directory, name));
    throw error;
  } finally {
    await handle.close();
  }
  return { name, bytes };
}

/** The first free number; a file that is there stays as it is. @param {string} directory @param {string} ending */
async function createFile(directory, ending) {
  for (let number = 1; number <= MAX_PHOTOS; number += 1) {
    const name = `photo-${number}.${ending}`;
    try {
      return { name, handle: await open(join(directory, name), 'wx') };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
  throw new Error('the directory is full');
}

/** @param {ReadableStream<Uint8Array>} readable @param {number} maxBytes */
async function* limited(readable, maxBytes) {
  let bytes = 0;
  for await (const chunk of readable) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error('it is too large');
    yield chunk;
  }
}
