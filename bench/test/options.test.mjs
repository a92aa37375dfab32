import { describe, expect, test } from 'vitest';
import { parseOptions } from '../options.mjs';

const names = ['floor', 'sealane', 'ssh'];
const parse = (...args) => parseOptions(args, names);

describe('options of the benchmark', () => {
  test('without any, everything is measured in eleven rounds and written', () => {
    expect(parse()).toMatchObject({ rounds: 11, peers: names, against: 'floor', isComplete: true });
    expect(parse().wants('anything')).toBe(true);
  });

  test('a part of it is never taken for the whole', () => {
    for (const part of [['--quick'], ['--only', 'bulk'], ['--peers', 'ssh'], ['--against', 'no-resumption']]) {
      expect(parse(...part).isComplete).toBe(false);
    }
  });

  test('the floor takes part even where only others are named', () => {
    expect(parse('--peers', 'ssh').peers).toEqual(['floor', 'ssh']);
  });

  test('--only is a regular expression over names', () => {
    const { wants } = parse('--only', '^bulk.*16');
    expect(['bulk up, 16 streams', 'bulk up, 1 stream'].map(wants)).toEqual([true, false]);
  });

  test.each([
    [['--peers', 'telnet'], /telnet is none of/],
    [['--rounds', '0'], /--rounds/],
    [['--rounds', 'many'], /--rounds/],
    [['--against', '/nowhere'], /--against/],
    [['--fast'], /--fast/],
  ])('%j is refused', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });
});
