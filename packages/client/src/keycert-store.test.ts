import { describe, expect, it } from 'vitest';
import { MemoryKeycertStore } from './keycert-store.js';

const keycert = Uint8Array.of(1);

describe('the keycerts of a process', () => {
  it('of those whom it dialed are not forgotten for any number of strangers who dial in', () => {
    const store = new MemoryKeycertStore();
    store.put('friend', keycert, 'dialed');
    store.put('both', keycert, 'accepted');
    store.put('both', keycert, 'dialed');
    store.put('both', keycert, 'accepted');
    for (let index = 0; index < 20_000; index++) store.put(`stranger ${index}`, keycert, 'accepted');
    expect([store.get('friend'), store.get('both')]).toEqual([keycert, keycert]);
    expect([store.get('stranger 9999'), store.get('stranger 10000')]).toEqual([undefined, keycert]);
  });

  it('are at most 10,000 of each origin, and the one used longest ago goes', () => {
    const store = new MemoryKeycertStore();
    for (let index = 0; index < 10_000; index++) store.put(`owner ${index}`, keycert);
    store.get('owner 0');
    store.put('one more', keycert);
    expect([store.get('owner 0'), store.get('owner 1')]).toEqual([keycert, undefined]);
  });
});
