import { isIP } from 'node:net';
import { ApiError } from './api-error.js';

/**
 * Refuses a request whose Host is a name that is not the relay's. A page on the internet can let its own name mean
 * 127.0.0.1 (DNS rebinding) and then ask as a page of the same origin; an address or `localhost` it cannot be.
 * @throws ApiError WRONG_HOST
 */
export function checkHost(header: string | undefined, names: readonly string[]): void {
  const host = /^(\[[^\]]*\]|[^:]*)(:\d{1,5})?$/.exec(header ?? '')?.[1]?.toLowerCase() ?? '';
  const address = host.startsWith('[') ? host.slice(1, -1) : host;
  if (isIP(address) !== 0 || host === 'localhost') return;
  if (host !== '' && names.some((name) => name.toLowerCase() === host)) return;
  throw new ApiError('WRONG_HOST');
}
