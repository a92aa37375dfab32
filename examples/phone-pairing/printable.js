/** What a phone wrote may hold control codes for this terminal. @param {string} text */
export function printable(text) {
  return text.replace(/\r?\n/g, ' ⏎ ').replace(/\p{C}/gu, '�');
}
