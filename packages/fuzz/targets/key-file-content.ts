import { isSealaneError } from '@sealane/types';
import { decodeKeyFile, encodeKeyFile } from '../../crypto/src/credential/key-file-content.js';
import keyFiles from '../../crypto/vectors/key-file.json' with { type: 'json' };
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { accepted, assertRule, assertSameBytes } from '../src/violation.js';

const codes = ['ERR_KEY_FILE_INVALID'];

/** The content of a key file. What is refused is never told in the refusal: it may be most of a secret. */
export const keyFileContentTarget: Target = {
  name: 'key-file-content',
  shape: { kind: 'text' },
  maxBytes: 4_200,
  seeds: () => keyFiles.map(({ text }) => fromText(text)),
  run(input) {
    const content = accepted(codes, () => decodeUnleaked(input));
    if (content === undefined) return;
    const encoded = encodeKeyFile(content);
    assertSameBytes(encodeKeyFile(decodeKeyFile(encoded)), encoded, 'what was read is written and read the same');
    assertRule(content.seed.length === 32 && content.x25519.length === 32, 'secrets have 32 bytes');
    assertRule(content.previous === undefined || content.previous.epoch < content.epoch, 'the previous epoch is lower');
  },
};

function decodeUnleaked(input: Uint8Array): ReturnType<typeof decodeKeyFile> {
  try {
    return decodeKeyFile(input);
  } catch (error) {
    if (isSealaneError(error)) {
      const told = `${error.message} ${JSON.stringify(error.details)} ${String(error.cause)}`;
      for (const [secret] of Buffer.from(input)
        .toString('latin1')
        .matchAll(/[a-z2-7]{20}/g)) {
        assertRule(!told.includes(secret), 'a refusal holds nothing of the content');
      }
    }
    throw error;
  }
}
