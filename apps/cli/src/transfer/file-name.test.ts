import { describe, expect, it } from 'vitest';
import { assertFileName } from './file-name.js';

describe('assertFileName', () => {
  it.each(['report.pdf', 'a', 'Größe (2).tar.gz', '数据.csv', 'a..b', 'console.log', 'x'.repeat(255), 'com10'])(
    'takes %s',
    (name) => {
      expect(() => assertFileName(name)).not.toThrow();
    },
  );

  it.each([
    ['nothing', ''],
    ['the directory', '.'],
    ['the directory above', '..'],
    ['a path', 'a/b'],
    ['an absolute path', '/etc/passwd'],
    ['a path above', '../x'],
    ['a path of Windows', '..\\x'],
    ['a drive', 'c:x'],
    ['a stream of a file', 'x:y'],
    ['a hidden file', '.bashrc'],
    ['an option', '-rf'],
    ['a home', '~root'],
    ['an escape sequence', 'a\u001b[31m'],
    ['a null', 'a\u0000b'],
    ['a line end', 'a\nb'],
    ['a reversed extension', 'a\u202egpj.exe'],
    ['a zero-width space', 'a\u200bb'],
    ['half a character', 'a\ud800'],
    ['a device', 'NUL'],
    ['a device with an extension', 'com1.txt'],
    ['a final dot', 'a.'],
    ['a final space', 'a '],
    ['a wildcard', 'a*'],
    ['256 bytes', 'x'.repeat(256)],
    ['256 bytes of fewer characters', 'ü'.repeat(128)],
  ])('refuses %s', (_, name) => {
    expect(() => assertFileName(name)).toThrow(expect.objectContaining({ code: 'ERR_TRANSFER_NAME' }));
  });
});
