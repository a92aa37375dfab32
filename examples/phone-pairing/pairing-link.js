// What the QR code says: the page's URL, and in its fragment the one-time address. A fragment is never sent to a server.

/**
 * The address marks its secret with a second `#`, which not every reader of QR codes leaves alone; `!` stands for it here.
 * @param {string} pageUrl
 * @param {string} address with an access secret
 */
export function createPairingLink(pageUrl, address) {
  const link = new URL(pageUrl);
  link.hash = replaceLast(address, '#', '!');
  return link.href;
}

/** The one-time address, or undefined where there is none. @param {string} link */
export function parsePairingLink(link) {
  const fragment = new URL(link).hash.slice(1);
  return fragment === '' ? undefined : replaceLast(fragment, '!', '#');
}

/** @param {string} text @param {string} from @param {string} to */
function replaceLast(text, from, to) {
  const at = text.lastIndexOf(from);
  return at === -1 ? text : `${text.slice(0, at)}${to}${text.slice(at + 1)}`;
}
