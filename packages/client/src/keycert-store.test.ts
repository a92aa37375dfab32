import { describe, expect, it } from 'vitest';
import { MemoryKeycertStore } from './keycert-store.js';

const keycert = Uint8Array.of(1);

describe('the keycerts of a process', () => {
  it('are not forgotten for any number of strangers who dial in', () => {
    const store = new MemoryKeycertStore();
    store.put('owner', keycert, 'dialed');
    store.put('friend', keycert, 'accepted');
    for (let index = 0; index < 20_000; index++) store.put(`stranger ${index}`, keycert, 'accepted');
    expect([store.get('owner'), store.get('friend')]).toEqual([keycert, keycert]);
    expect([store.get('stranger 9997'), store.get('stranger 9998')]).toEqual([keycert, undefined]);
    // A newer one of somebody who is known finds its place, and so does an owner who is dialed.
    store.put('friend', Uint8Array.of(2), 'accepted');
    store.put('another owner', keycert, 'dialed');
    expect([store.get('friend'), store.get('another owner')]).toEqual([Uint8Array.of(2), keycert]);
    expect([store.get('stranger 0'), store.get('stranger 1')]).toEqual([undefined, keycert]);
  });

  it('are at most 10,000, and the one used longest ago goes', () => {
    const store = new MemoryKeycertStore();
    for (let index = 0; index < 10_000; index++) store.put(`owner ${index}`, keycert);
    store.get('owner 0');
    store.put('one more', keycert);
    expect([store.get('owner 0'), store.get('owner 1')]).toEqual([keycert, undefined]);
  });
});
