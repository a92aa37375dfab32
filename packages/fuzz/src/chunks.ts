/** The same bytes in pieces: all at once, one by one, and in pieces that grow; each by its own array. */
export function chunkings(bytes: Uint8Array): readonly (readonly Uint8Array[])[] {
  const growing: Uint8Array[] = [];
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size % 7) + 1) {
    growing.push(bytes.slice(at, at + size));
  }
  return [[bytes.slice()], Array.from(bytes, (byte) => Uint8Array.of(byte)), growing];
}
