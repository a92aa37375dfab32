import { SealaneError } from './error.js';
import { ProtocolSize } from './limits.js';

const namePattern = /^[a-z0-9](-?[a-z0-9])*$/;
const servicePattern = /^[a-z0-9-]{0,63}$/;

/** True for a lower-case name of at most 40 characters (v1.md, "Names"). Fold the case before asking. */
export function isName(text: string): boolean {
  return text.length <= ProtocolSize.NAME && namePattern.test(text);
}

/** The name in lower case, or ERR_NAME_INVALID. */
export function parseName(text: string): string {
  const name = text.toLowerCase();
  if (!isName(name)) {
    throw new SealaneError(
      'ERR_NAME_INVALID',
      'a name has 1 to 40 characters a-z, 0-9 and single hyphens between them',
    );
  }
  return name;
}

/** True for a service: `[a-z0-9-]`, at most 63 characters, empty by default. */
export function isService(text: string): boolean {
  return servicePattern.test(text);
}
