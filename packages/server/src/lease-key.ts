/** One string per (identity, service), for maps. */
export function leaseKey(identity: Uint8Array, service: string): string {
  return `${Buffer.from(identity.buffer, identity.byteOffset, identity.byteLength).toString('base64')}/${service}`;
}
