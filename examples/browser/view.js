// What is seen. Everything from the other side goes in as text, never as HTML.

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

/** @param {'waiting' | 'open' | 'failed'} state @param {string} text */
export function setStatus(state, text) {
  document.body.dataset['state'] = state;
  element('status', HTMLElement).textContent = text;
  for (const id of ['text', 'file']) element(id, HTMLInputElement).disabled = state !== 'open';
}

/** @param {string} link */
export function showInvitation(link) {
  element('link', HTMLInputElement).value = link;
  element('peer', HTMLElement).textContent = '';
  element('invitation', HTMLElement).hidden = false;
}

/** @param {string} id */
export function showPeer(id) {
  element('peer', HTMLElement).textContent = id;
  element('invitation', HTMLElement).hidden = true;
}

/** @param {string} text */
export function addNote(text) {
  append('note').textContent = text;
}

/** @param {'ours' | 'theirs'} side @param {string} text */
export function addMessage(side, text) {
  const item = append(side);
  item.textContent = text;
  return {
    delivered: () => item.classList.add('delivered'),
    failed: () => item.classList.add('failed'),
  };
}

/** @param {'ours' | 'theirs'} side @param {string} name @param {number} bytes */
export function addFile(side, name, bytes) {
  const item = append(side);
  item.classList.add('file');
  const title = item.appendChild(document.createElement('strong'));
  title.textContent = name;
  const bar = item.appendChild(document.createElement('progress'));
  bar.max = Math.max(bytes, 1);
  const line = item.appendChild(document.createElement('small'));
  line.textContent = sizeText(bytes);
  return {
    /** @param {number} doneBytes */
    progress: (doneBytes) => {
      bar.value = doneBytes;
    },
    /** @param {Blob} file @param {string} sha256 */
    done: (file, sha256) => {
      bar.remove();
      line.textContent = `${sizeText(bytes)} · SHA-256 ${sha256.slice(0, 16)}…`;
      line.title = sha256;
      item.classList.add('delivered');
      if (side === 'theirs') offer(title, name, file);
    },
    failed: () => {
      bar.remove();
      line.textContent = 'did not arrive';
      item.classList.add('failed');
    },
  };
}

/** @param {HTMLElement} title @param {string} name @param {Blob} file */
function offer(title, name, file) {
  const link = document.createElement('a');
  // Never a type under which a browser would show it as a page of this origin.
  link.href = URL.createObjectURL(new Blob([file], { type: 'application/octet-stream' }));
  link.download = name;
  link.textContent = name;
  title.replaceChildren(link);
}

/** @param {string} kind */
function append(kind) {
  const item = document.createElement('li');
  item.className = kind;
  const log = element('log', HTMLElement);
  log.append(item);
  log.scrollTop = log.scrollHeight;
  return item;
}

/** @param {number} bytes */
function sizeText(bytes) {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
