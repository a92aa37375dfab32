// What is seen. Everything from the computer goes in as text, never as HTML.

/** @typedef {'starting' | 'asking' | 'waiting' | 'open' | 'refused'} State */

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/** @param {State} state @param {string} text */
export function showStatus(state, text) {
  document.body.dataset['state'] = state;
  element('status', HTMLElement).textContent = text;
  element('send', HTMLButtonElement).disabled = state !== 'open';
  element('photo', HTMLInputElement).disabled = state !== 'open';
}

/**
 * A card in place of the talk. Without a word for a button there is none.
 * @param {{ title: string, text: string, pair?: string, keep?: string }} card
 */
export function showCard({ title, text, pair = '', keep = '' }) {
  element('card', HTMLElement).hidden = false;
  element('composer', HTMLElement).hidden = true;
  element('card-title', HTMLElement).textContent = title;
  element('card-text', HTMLElement).textContent = text;
  for (const [id, word] of Object.entries({ pair, keep })) {
    const button = element(id, HTMLButtonElement);
    button.hidden = word === '';
    button.textContent = word;
  }
}

/** @param {string} computer */
export function showTalk(computer) {
  element('card', HTMLElement).hidden = true;
  element('composer', HTMLElement).hidden = false;
  element('computer', HTMLElement).textContent = computer;
}

/** Which button of the card is pressed. @returns {Promise<'pair' | 'keep'>} */
export function pressed() {
  return new Promise((resolve) => {
    element('pair', HTMLButtonElement).onclick = () => resolve('pair');
    element('keep', HTMLButtonElement).onclick = () => resolve('keep');
  });
}

/**
 * One thing that was said; gives what tells how it went.
 * @param {'ours' | 'theirs'} side
 * @param {string} text
 * @param {Blob} [photo] shown where the browser knows its kind
 */
export function addItem(side, text, photo) {
  const log = element('log', HTMLElement);
  const item = document.createElement('li');
  item.className = side;
  item.textContent = text;
  if (photo !== undefined) item.prepend(preview(photo));
  const note = document.createElement('small');
  if (side === 'ours') item.append(note);
  note.textContent = 'sending';
  log.append(item);
  log.scrollTop = log.scrollHeight;
  return {
    done: (/** @type {string} */ answer) => {
      note.textContent = answer;
      item.classList.add('done');
    },
    failed: (/** @type {unknown} */ error) => {
      note.textContent = `not sent: ${error instanceof Error ? error.message : error}`;
      item.classList.add('failed');
    },
  };
}

/** @param {Blob} photo */
function preview(photo) {
  const image = document.createElement('img');
  image.alt = '';
  const url = URL.createObjectURL(photo);
  image.onload = () => URL.revokeObjectURL(url);
  image.onerror = () => {
    URL.revokeObjectURL(url);
    image.remove();
  };
  image.src = url;
  return image;
}
