import { encodeId, parseId } from '@sealane/crypto/credential';
import { isSealaneError, SealaneError } from '@sealane/types';

/** One id per line; empty lines and what follows `#` do not count. Needs loaded cryptography. Throws ERR_CONFIG. */
export function parseIdList(text: string, path: string): string[] {
  const ids: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.replace(/#.*$/, '').trim();
    if (content === '') continue;
    try {
      ids.push(encodeId(parseId(content)));
    } catch (error) {
      if (!isSealaneError(error)) throw error;
      throw new SealaneError('ERR_CONFIG', `${path} line ${index + 1}: ${error.message}`, { cause: error });
    }
  }
  return ids;
}
