// The page on the phone. With a one-time address in its fragment it asks whether to pair; afterwards its key is enough.
import { connect, parseAddress } from '@sealane/client';
import { BrowserKeycertStore, openBrowserIdentity } from '@sealane/client/browser';
import { loadCrypto } from '@sealane/crypto';
import { parsePairingLink } from '../pairing-link.js';
import { forgetKept, keep, readKept } from './kept.js';
import { pairWith, receive, sendPhoto, sendText } from './talk.js';
import { addItem, element, pressed, showCard, showStatus, showTalk } from './view.js';

/** @typedef {import('./kept.js').Kept} Kept */

const RETRY_MS = 1_000;
/** @type {import('@sealane/client').SecureConnection | undefined} */
let connection;

// A code that is scanned while the page is open changes nothing but the fragment.
addEventListener('hashchange', () => location.reload());
start().catch((error) => {
  showStatus('refused', 'Failed');
  showCard({ title: 'This does not work here', text: wordsOf(error) });
});

async function start() {
  await loadCrypto();
  const known = await readKept();
  const code = parsePairingLink(location.href);
  const kept = code === undefined ? known : await askToPair(code, known);
  if (kept !== undefined) return await stayConnected(kept);
  showStatus('asking', 'Not paired');
  showCard({ title: 'Scan the code', text: 'Start the program on the computer and scan the code that it shows.' });
}

/** Nobody is paired by a link alone: a finger has to say so. @param {string} code @param {Kept | undefined} known */
async function askToPair(code, known) {
  let [title, word] = ['Pair with this computer?', 'Pair'];
  let text = describe(code, known);
  const isReadable = text !== '';
  if (!isReadable) text = 'The code cannot be read. Show it again, and scan it once more.';
  for (;;) {
    const notNow = known === undefined ? {} : { keep: `Stay with ${known.computer}` };
    showStatus(word === 'Pair' ? 'asking' : 'refused', 'Not paired');
    showCard({ title, text, ...(isReadable ? { pair: word } : {}), ...notNow });
    if ((await pressed()) === 'keep') break;
    showStatus('waiting', 'Pairing');
    showCard({ title: 'Pairing', text: 'One moment.' });
    try {
      known = await pair(code);
      break;
    } catch (error) {
      [title, word] = ['Not paired', 'Try again'];
      text = wordsOf(error);
    }
  }
  // It is used up, and has no place in the history.
  history.replaceState(undefined, '', location.pathname);
  return known;
}

/** @param {string} code @param {Kept | undefined} known */
function describe(code, known) {
  try {
    const id = parseAddress(code).id ?? '';
    const replaces = known === undefined ? '' : ` It takes the place of ${known.computer}.`;
    return `Its key begins with ${id.slice(0, 8)}, as it says below its code.${replaces}`;
  } catch {
    return '';
  }
}

/** @param {string} code */
async function pair(code) {
  const client = await connect(code, await keptKeys());
  try {
    // A browser may remove what it was not asked to keep. Some ask their user, who need not be waited for.
    navigator.storage.persist().catch(() => undefined);
    return await pairWith(client, code, keep);
  } finally {
    await client.close();
  }
}

/** Keeps a session with the computer for as long as the page is open. @param {Kept} kept */
async function stayConnected(kept) {
  showTalk(kept.computer);
  showStatus('waiting', 'Connecting');
  const client = await connect(kept.address, { ...(await keptKeys()), retry: true });
  for (;;) {
    try {
      connection = await client.dial(kept.address);
      showStatus('open', 'Connected');
      await receive(connection, (text) => addItem('theirs', text));
    } catch (error) {
      // Only the computer itself can say that; what the relay says, "nobody there" above all, is a reason to try again.
      if (codeOf(error) === 'ERR_E2EE_DENIED') return await end(client);
    }
    connection = undefined;
    showStatus('waiting', 'Computer is away');
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** @param {import('@sealane/client').RelayClient} client */
async function end(client) {
  await forgetKept();
  await client.close();
  showStatus('refused', 'Not paired');
  showCard({ title: 'No longer paired', text: 'The computer does not know this phone any more. Scan a new code.' });
}

async function keptKeys() {
  return { credential: await openBrowserIdentity(), knownKeycerts: new BrowserKeycertStore() };
}

/** @param {unknown} error */
function wordsOf(error) {
  const code = codeOf(error);
  if (code === 'ERR_E2EE_DENIED') return 'Another phone has used this code. Ask for a new one.';
  if (code === 'ERR_RELAY_NO_OWNER')
    return 'Nobody waits for this code: it was used, or its program has ended. Ask for a new one.';
  if (code === 'ERR_E2EE_DAMAGED') return 'The secret in this code is not the right one. Scan the code again.';
  return error instanceof Error ? `${error.message}${code === undefined ? '' : ` (${code})`}` : String(error);
}

/** @param {unknown} error @returns {string | undefined} */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

element('composer', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const input = element('text', HTMLTextAreaElement);
  const text = input.value.trim();
  if (text === '' || connection === undefined) return;
  input.value = '';
  const item = addItem('ours', text);
  sendText(connection, text).then(item.done, item.failed);
});

element('photo', HTMLInputElement).addEventListener('change', () => {
  const input = element('photo', HTMLInputElement);
  const photo = input.files?.[0];
  if (photo === undefined || connection === undefined) return;
  const item = addItem('ours', photo.name, photo);
  sendPhoto(connection, photo).then(item.done, item.failed);
  input.value = '';
});
