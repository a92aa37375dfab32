// The phone's side of what is said: the pairing, and one stream for every text and photo.
import { parseAddress } from '@sealane/client';

/**
 * @typedef {import('@sealane/client').RelayClient} RelayClient
 * @typedef {import('@sealane/client').SecureConnection} SecureConnection
 * @typedef {import('@sealane/client').SecureStream} SecureStream
 * @typedef {import('./kept.js').Kept} Kept
 */

const MAX_BYTES = 65_536;
const encoder = new TextEncoder();

/**
 * Uses up a one-time address and stores what the computer says in return.
 * @param {RelayClient} client
 * @param {string} oneTimeAddress
 * @param {(kept: Kept) => Promise<void>} store
 */
export async function pairWith(client, oneTimeAddress, store) {
  const connection = await client.dial(oneTimeAddress, { fresh: true });
  try {
    const stream = await connection.openStream({ metadata: encoder.encode(phoneName()) });
    const { address, computer } = JSON.parse(await readText(stream));
    // The handshake has proven who it is; it can speak for nobody else.
    if (parseAddress(address).id !== connection.peerId) throw new Error('the computer gave the address of another one');
    const kept = { address: String(address), computer: String(computer).slice(0, 60) };
    await store(kept);
    // From here on the computer may close the one-time address.
    await stream.closeWrite();
    return kept;
  } finally {
    await connection.close();
  }
}

/** Resolves with the computer's answer when it has the text. @param {SecureConnection} connection @param {string} text */
export async function sendText(connection, text) {
  const stream = await connection.openStream({ label: 'text' });
  return await send(stream, new Blob([text]));
}

/** Resolves with the computer's answer when it has saved the photo. @param {SecureConnection} connection @param {File} photo */
export async function sendPhoto(connection, photo) {
  const stream = await connection.openStream({ label: 'photo', metadata: encoder.encode(photo.type) });
  return await send(stream, photo);
}

/** Texts that the computer sends, until the session ends. @param {SecureConnection} connection @param {(text: string) => void} onText */
export async function receive(connection, onText) {
  for await (const stream of connection) {
    readText(stream)
      .then(
        async (text) => {
          onText(text);
          await stream.closeWrite();
        },
        () => stream.abort(),
      )
      .catch(() => undefined);
  }
}

/** @param {SecureStream} stream @param {Blob} body */
async function send(stream, body) {
  const [answer] = await Promise.all([readText(stream), body.stream().pipeTo(stream.writable)]);
  return answer;
}

/** @param {SecureStream} stream */
async function readText(stream) {
  const decoder = new TextDecoder();
  const reader = stream.readable.getReader();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > MAX_BYTES) throw new Error('the computer says too much');
    text += decoder.decode(value, { stream: true });
  }
}

/** What the computer shows; nobody decides by it. */
function phoneName() {
  const names = ['iPhone', 'iPad', 'Android', 'Windows', 'Macintosh', 'Linux'];
  return names.find((name) => navigator.userAgent.includes(name)) ?? 'phone';
}
