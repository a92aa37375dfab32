// The page: without an invitation in its address it invites, with one it follows it.
import { allowAny, connect } from '@sealane/client';
import { BrowserKeycertStore, BrowserPinStore, openBrowserIdentity } from '@sealane/client/browser';
import { generateAccessSecret } from '@sealane/crypto/credential';
import { createInvitation, parseInvitation } from './invitation.js';
import { receive, sendFile, sendMessage } from './talk.js';
import { addFile, addMessage, addNote, element, setStatus, showInvitation, showPeer } from './view.js';

const relayUrl = document.documentElement.dataset['relay'] ?? '';
/** @type {import('@sealane/client').SecureConnection | undefined} */
let connection;
let ownInvitation = '';

start().catch(fail);

async function start() {
  const identity = await openBrowserIdentity();
  const kept = { credential: identity, pins: new BrowserPinStore(), knownKeycerts: new BrowserKeycertStore() };
  addNote(`You are ${identity.id.slice(0, 8)}…, with ${identity.protection} keys in this browser.`);
  const isGuest = location.hash.length > 1;
  // A peer whose page was closed is not waited for as long as usual.
  const resumption = { giveUpMs: 5_000 };
  const client = await connect(relayUrl, { ...kept, use: isGuest ? 'dial' : 'listen', resumption });
  const invitation = isGuest ? parseInvitation(location.href) : undefined;
  if (invitation === undefined) {
    const accessSecret = generateAccessSecret();
    // Whoever has the secret may come in. Another tab of this browser takes the address over.
    const listener = await client.listen({ accept: allowAny(), accessSecret, takeOver: true });
    setStatus('waiting', 'Waiting for a guest');
    ownInvitation = createInvitation(location.href.split('#')[0] ?? '', listener.address, accessSecret);
    showInvitation(ownInvitation);
    for await (const guest of listener) meet(guest);
    return;
  }
  setStatus('waiting', 'Calling');
  meet(await client.dial(invitation.address, { accessSecret: invitation.accessSecret }));
}

/** @param {import('@sealane/client').SecureConnection} found */
function meet(found) {
  connection = found;
  setStatus('open', 'Connected, end to end');
  showPeer(found.peerId);
  addNote(`${found.peerId.slice(0, 8)}… is here.`);
  found.closed.then(
    () => leave(found, 'left.'),
    (error) => leave(found, `is gone (${error.code}).`),
  );
  receive(found, {
    onMessage: (text) => addMessage('theirs', text),
    onFile: (name, bytes) => addFile('theirs', name, bytes),
  }).catch(() => undefined);
}

/** @param {import('@sealane/client').SecureConnection} left @param {string} how */
function leave(left, how) {
  addNote(`${left.peerId.slice(0, 8)}… ${how}`);
  if (connection !== left) return;
  connection = undefined;
  setStatus('waiting', 'Nobody is here');
  if (ownInvitation !== '') showInvitation(ownInvitation);
}

/** @param {unknown} error */
function fail(error) {
  setStatus('failed', error instanceof Error ? error.message : String(error));
}

element('composer', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const input = element('text', HTMLInputElement);
  const text = input.value.trim();
  if (text === '' || connection === undefined) return;
  input.value = '';
  const sent = addMessage('ours', text);
  sendMessage(connection, text).then(sent.delivered, sent.failed);
});

element('file', HTMLInputElement).addEventListener('change', ({ currentTarget }) => {
  const input = /** @type {HTMLInputElement} */ (currentTarget);
  for (const file of input.files ?? []) {
    if (connection === undefined) return;
    const shown = addFile('ours', file.name, file.size);
    sendFile(connection, file.name, file, shown.progress).then((hash) => shown.done(file, hash), shown.failed);
  }
  input.value = '';
});

element('copy', HTMLButtonElement).addEventListener('click', () => {
  navigator.clipboard.writeText(element('link', HTMLInputElement).value).then(() => {
    element('copy', HTMLButtonElement).textContent = 'Copied';
  }, fail);
});
