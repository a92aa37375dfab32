import { transform } from 'esbuild';
import { expect, it } from 'vitest';

interface Instrumented {
  readonly text: string;
  readonly literals: { readonly numbers: Set<number>; readonly texts: Set<string> };
}

type Instrument = (file: string, text: string, next: (line: number) => number) => Instrumented;

const source = `
export const twice = (value: number): number => value * 2;
export function judge(value: number | undefined, list: readonly number[] = []): string {
  if (value === undefined) return 'none';
  let sum = 0;
  for (const each of list) sum += twice(each);
  while (sum > 100) sum -= 10;
  try {
    if (value < 0) throw new Error('below');
    else sum += 1;
  } catch { return value < -5 && sum > 3 ? 'far below' : ({ text: 'below' }).text; }
  switch (value) {
    case 7:
      return 'seven';
    default:
  }
  return list[0] ?? sum > 7 ? \`sum \${sum}\` : 'small';
}
`;

async function load(text: string): Promise<(value: number | undefined, list?: readonly number[]) => string> {
  const { code } = await transform(text.replaceAll('export ', ''), { loader: 'ts' });
  return new Function(`${code}; return judge;`)() as never;
}

it('counted sources do what they did, and every way through them is counted apart', async () => {
  const path = new URL('../scripts/instrument.mjs', import.meta.url).href;
  const { instrument } = (await import(path)) as { readonly instrument: Instrument };
  const lines: number[] = [];
  const { text, literals } = instrument('judge.ts', source, (line) => lines.push(line) - 1);
  expect(text.split('\n').length).toBe(source.split('\n').length);
  expect([...literals.numbers]).toContain(100);
  expect([...literals.texts]).toContain('far below');
  const hits = new Uint8Array(lines.length);
  globalThis.__sealaneHits = hits;
  const [plain, counted] = [await load(source), await load(text)];
  const ways: [number | undefined, number[]?][] = [[undefined], [7], [1, [2, 60]], [-1], [-9, [9]], [1], [3, [0]]];
  const seen = new Set<string>();
  for (const way of ways) {
    hits.fill(0);
    expect(counted(...way)).toBe(plain(...way));
    seen.add(hits.join());
  }
  expect(seen.size).toBe(ways.length);
});
