/** The ids of a session as logs have them. */
export function traceSession({ connectionId }: { readonly connectionId: Uint8Array }): { readonly connection: string } {
  return { connection: toHex(connectionId) };
}

export function toHex(id: Uint8Array): string {
  return Buffer.from(id).toString('hex');
}
