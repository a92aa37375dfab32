import { describe, expect, it } from 'vitest';
import { ReservedNames } from './reserved-names.js';

const [me, you] = ['a'.repeat(56), 'b'.repeat(56)];

const isFree = (names: ReservedNames, name: string, id = me): boolean => names.refuse(name, id) === undefined;

describe('reserved names', () => {
  it('are for nobody, or for one id', () => {
    const names = new ReservedNames([{ name: 'Admin' }, { name: 'status', id: me }]);
    expect([isFree(names, 'admin'), isFree(names, 'status'), isFree(names, 'status', you)]).toEqual([
      false,
      true,
      false,
    ]);
    expect(isFree(names, 'adminx')).toBe(true);
  });

  it('may be beginnings, of which the longest counts, and what is written exactly before all', () => {
    const names = new ReservedNames([
      { name: 'a*' },
      { name: 'api-*', id: me },
      { name: 'api-root' },
      { name: 'ab', id: you },
    ]);
    expect([isFree(names, 'a'), isFree(names, 'axe'), isFree(names, 'api-1'), isFree(names, 'api-root')]).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect([isFree(names, 'ab', you), isFree(names, 'b')]).toEqual([true, true]);
    expect(isFree(new ReservedNames([{ name: '*' }]), 'anything')).toBe(false);
  });

  it.each(['', '-', 'a b', '*a', 'a**', 'a-', 'x'.repeat(41), '--*'])('cannot be %j', (name) => {
    const names = new ReservedNames([{ name: 'kept' }]);
    expect(() => names.set([{ name: 'other' }, { name }])).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
    expect([isFree(names, 'kept'), isFree(names, 'other')]).toEqual([false, true]);
  });
});
