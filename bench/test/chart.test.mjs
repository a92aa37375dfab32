import { describe, expect, test } from 'vitest';
import { drawLines, drawRatios } from '../chart.mjs';

const mark = (path, median) => ({ path, median, low: median * 0.9, high: median * 1.1 });

/** Every number that places something must be one, and inside of the picture. */
function assertDrawn(svg) {
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg).map(Number);
  for (const [, x, y] of svg.matchAll(/<circle cx="([^"]+)" cy="([^"]+)"/g)) {
    expect(Number(x)).toBeGreaterThanOrEqual(0);
    expect(Number(x)).toBeLessThanOrEqual(width);
    expect(Number(y)).toBeGreaterThanOrEqual(0);
    expect(Number(y)).toBeLessThanOrEqual(height);
  }
}

const markX = (svg, label) => Number(new RegExp(`<title>${label}[^<]*</title>.*?<circle cx="([^"]+)"`).exec(svg)[1]);

describe('chart of ratios', () => {
  const draw = (...marks) =>
    drawRatios({ title: 'Ratios', axis: 'times the floor', paths: ['a', 'b', 'c'], rows: [{ name: 'bulk', marks }] });

  test('equal factors are equal distances, and more is further right', () => {
    const svg = draw(mark('a', 0.1), mark('b', 1), mark('c', 10));
    assertDrawn(svg);
    const [a, b, c] = ['a', 'b', 'c'].map((path) => markX(svg, `${path}, bulk`));
    expect(b).toBeGreaterThan(a);
    expect(c - b).toBeCloseTo(b - a, 0);
  });

  test('title, axis and every path are named', () => {
    const svg = draw(mark('a', 0.5));
    for (const text of ['Ratios', 'times the floor', '>a<', '>b<', '>bulk<']) expect(svg).toContain(text);
  });

  test('a path without a figure in a row is left out there', () => {
    const svg = draw(mark('a', 0.5), { path: 'b', median: Number.NaN, low: Number.NaN, high: Number.NaN });
    assertDrawn(svg);
    expect(svg).not.toContain('<title>b, bulk');
  });

  test('names cannot leave their place', () => {
    const svg = drawRatios({ title: '<script>&', axis: '', paths: [], rows: [] });
    expect(svg).toContain('&lt;script&gt;&amp;');
    expect(svg).not.toContain('<script>');
  });
});

test('a chart of lines reaches the largest value and names both axes', () => {
  const svg = drawLines({
    title: 'Memory',
    xAxis: 'held',
    yAxis: 'MiB',
    series: [
      {
        name: 'relay',
        points: [
          [1_000, 60],
          [6_000, 187.5],
        ],
      },
      {
        name: 'owner',
        points: [
          [1_000, 50],
          [6_000, 90],
        ],
      },
    ],
  });
  assertDrawn(svg);
  for (const text of ['Memory', 'held', 'MiB', 'relay', 'owner', '>200<', '>6,000<']) expect(svg).toContain(text);
});
