import { isSealaneError } from '@sealane/types';

/** The ids of a session as logs have them. */
export function traceSession({ connectionId }: { readonly connectionId: Uint8Array }): { readonly connection: string } {
  return { connection: toHex(connectionId) };
}

export function toHex(id: Uint8Array): string {
  return Buffer.from(id).toString('hex');
}

/** The id of a request that was refused, where the error has it. */
export function traceRefusal(error: unknown): { readonly connection?: string } {
  const id = isSealaneError(error) ? error.details['connectionId'] : undefined;
  return id instanceof Uint8Array ? { connection: toHex(id) } : {};
}
