import { readFileSync } from 'node:fs';
import { type RecordType, Suite } from '@sealane/types';
import { describe, expect, test } from 'vitest';
import { parseKeycert } from '../src/credential/index.js';
import { createInstance, DialerHandshake, OwnerHandshake, type SessionKeys } from '../src/e2ee/index.js';
import { loadCrypto } from '../src/index.js';

await loadCrypto();

interface RecordVector {
  readonly number: number;
  readonly type: number;
  readonly body: string;
  readonly padding: number | null;
  readonly record: string;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
/** Gives out the recorded draws, one each. */
const replay = (draws: readonly string[]): (() => Uint8Array) => {
  const left = [...draws];
  return () => bytes(left.shift() ?? '');
};

describe.each(['handshake-suite-1', 'handshake-suite-2', 'handshake-suite-2-access-secret'])('%s.json', (name) => {
  const vector = JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
  const suite: Suite = vector.suite === 1 ? Suite.CLASSICAL : Suite.HYBRID;
  const credentialOf = (keycert: string, secret: string) => {
    const { publicKey, epoch, x25519, bytes: exact } = parseKeycert(bytes(keycert));
    return { publicKey, epoch, keycert: exact, handshakeKey: () => ({ secret: bytes(secret), publicKey: x25519 }) };
  };
  const common = {
    suites: [suite],
    ...(vector.accessSecret === null ? {} : { accessSecret: bytes(vector.accessSecret) }),
  };

  function run(): { dialer: SessionKeys; owner: SessionKeys } {
    const dialer = DialerHandshake.create({
      ...common,
      credential: credentialOf(vector.dialerKeycert, vector.dialerX25519Secret),
      owner: parseKeycert(bytes(vector.ownerKeycert)),
      service: vector.service,
      alpn: vector.alpn,
      parameters: vector.dialerParameters,
      random: replay(vector.dialerRandom),
    });
    expect(hex(dialer.connectionId)).toBe(vector.connectionId);
    expect(hex(dialer.createMessage1())).toBe(vector.message1);
    const owner = OwnerHandshake.open(bytes(vector.message1), {
      ...common,
      credential: credentialOf(vector.ownerKeycert, vector.ownerX25519Secret),
      connectionId: bytes(vector.connectionId),
      random: replay(vector.ownerRandom),
    });
    const instance = createInstance(bytes(vector.processSecret), ownerKey(vector.ownerKeycert), vector.service);
    expect(hex(instance)).toBe(vector.instance);
    const accepted = owner.accept({ alpn: vector.chosenAlpn, parameters: vector.ownerParameters, instance });
    expect(hex(accepted.message2)).toBe(vector.message2);
    return { dialer: dialer.readMessage2(bytes(vector.message2)).keys, owner: accepted.keys };
  }
  const ownerKey = (keycert: string): Uint8Array => parseKeycert(bytes(keycert)).publicKey;

  test('both messages and what follows from them are as written', () => {
    for (const keys of Object.values(run())) {
      expect(hex(keys.channelBinding)).toBe(vector.channelBinding);
      expect(hex(keys.resumeId)).toBe(vector.resumeId);
      expect(hex(keys.exportKey(vector.exported.label, vector.exported.length))).toBe(vector.exported.key);
    }
  });

  test('records seal to and open from what is written', () => {
    const { dialer, owner } = run();
    check(dialer, owner, vector.recordsFromDialer);
    check(owner, dialer, vector.recordsFromOwner);
    function check(from: SessionKeys, to: SessionKeys, records: readonly RecordVector[]): void {
      const [sealer, opener] = [from.createSealer(), to.createOpener(66_048)];
      for (const { number, type, body, padding, record } of records) {
        expect(sealer.nextNumber).toBe(number);
        const options = padding === null ? {} : { padding };
        expect(hex(sealer.seal(type as RecordType, [bytes(body)], options))).toBe(record);
        const opened = opener.open(bytes(record).subarray(3));
        expect({ ...opened, body: hex(opened.body) }).toEqual({ type, number, body });
      }
    }
  });

  test('RESUME seals to and opens from what is written, once per number', () => {
    const { dialer, owner } = run();
    for (const { role, pathNumber, sealed, ...state } of vector.resume) {
      const [from, to] = role === 'dialer' ? [dialer, owner] : [owner, dialer];
      expect(hex(from.sealResume(pathNumber, state))).toBe(sealed);
      expect(() => from.sealResume(pathNumber, state)).toThrowError(
        expect.objectContaining({ code: 'ERR_NOISE_STATE' }),
      );
      expect(to.openResume(pathNumber, bytes(sealed))).toEqual(state);
      const integrity = expect.objectContaining({ code: 'ERR_E2EE_INTEGRITY' });
      expect(() => to.openResume(pathNumber + 1, bytes(sealed))).toThrowError(integrity);
      expect(() => from.openResume(pathNumber, bytes(sealed))).toThrowError(integrity);
    }
  });
});
