import { describe, expect, it } from 'vitest';
import { describeService, toListedService } from './describe-lease.js';

const id = 'a'.repeat(56);
const relay = { url: 'wss://relay.example', relayId: 'b'.repeat(56) };
const lease = { id, service: '', name: undefined, alpn: [], metadata: new Uint8Array(0), expiresInMs: 1 };

describe('a listed service', () => {
  it('is one row and the address to connect to', () => {
    const listed = toListedService({ ...lease, name: 'db', service: 'sql', alpn: ['a/1', 'b/2'] }, relay);
    expect(describeService(listed)).toBe(
      `db                sql         a/1,b/2               ${id}\n  ${listed.address}\n`,
    );
    expect(listed.address).toContain(`sealane://${id}/sql?relay=wss%3A%2F%2Frelay.example%23${relay.relayId}`);
  });

  it('shows protocols and metadata of a stranger as text that no terminal acts on', () => {
    const metadata = new TextEncoder().encode('{"x":"\u001b]0;evil\u0007"}');
    const listed = toListedService({ ...lease, alpn: ['\u001b[2J\n\u202e', 'x'.repeat(64)], metadata }, relay);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(describeService(listed)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(describeService(listed).split('\n')).toHaveLength(3);
    expect(listed.metadata).toBe('{"x":"\u001b]0;evil\u0007"}');
    expect(toListedService({ ...lease, metadata: Uint8Array.of(0xff) }, relay).metadata).toBeNull();
  });
});
