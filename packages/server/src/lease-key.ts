let last = '';

/**
 * One string per (identity, service), for maps. It is flat for the service without a name, which nearly all have, and whoever
 * asks twice in a row gets the same string: it lies in two maps as long as the lease.
 */
export function leaseKey(identity: Uint8Array, service: string): string {
  // A copy: whoever asks a small array for its buffer gives it one, for as long as it lives.
  const base64 = Buffer.from(identity).toString('base64');
  // All identities have one length, so no key of a named service looks like one without.
  const key = service === '' ? base64 : `${base64}/${service}`;
  if (key !== last) last = key;
  return last;
}
