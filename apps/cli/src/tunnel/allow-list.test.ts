import { describe, expect, it } from 'vitest';
import { AllowList } from './allow-list.js';

const entry = (id: string, minEpoch = 0) => ({ id, minEpoch });

describe('AllowList', () => {
  it('lets nobody in unless told', () => {
    const list = new AllowList({ entries: [], anybody: false });
    expect(list.isEmpty).toBe(true);
    expect(list.refusal({ id: 'a', epoch: 1 })).toBe('not allowed');
  });

  it('lets in whom an option or the file names, and follows the file', () => {
    const list = new AllowList({ entries: [entry('a')], anybody: false });
    list.replaceFileEntries([entry('b')]);
    expect(list.refusal({ id: 'a' })).toBeUndefined();
    expect(list.refusal({ id: 'b' })).toBeUndefined();
    list.replaceFileEntries([]);
    expect(list.refusal({ id: 'b' })).toBe('not allowed');
    expect(list.refusal({ id: 'a' })).toBeUndefined();
  });

  it('refuses keys below the minimum epoch, also where anybody may connect', () => {
    const list = new AllowList({ entries: [entry('a', 3), entry('a', 2)], anybody: true });
    expect(list.refusal({ id: 'a', epoch: 2 })).toBe('keys older than epoch 3');
    expect(list.refusal({ id: 'a' })).toBe('keys older than epoch 3');
    expect(list.refusal({ id: 'a', epoch: 3 })).toBeUndefined();
    expect(list.refusal({ id: 'b' })).toBeUndefined();
  });

  it('tells listed identities from those that come in because anybody may', () => {
    const list = new AllowList({ entries: [entry('a')], anybody: true });
    expect([list.names('a'), list.names('b')]).toEqual([true, false]);
  });
});
