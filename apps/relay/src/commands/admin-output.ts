import type { Item } from './admin-client.js';

export interface Column {
  readonly title: string;
  readonly of: (item: Item) => unknown;
}

/** A column that shows a field as it is. */
export function field(name: string, title: string = name): Column {
  return { title, of: (item) => item[name] };
}

/** A column that shows a time of Unix milliseconds. */
export function time(name: string, title: string): Column {
  return {
    title,
    of: (item) => (typeof item[name] === 'number' ? new Date(item[name]).toISOString() : undefined),
  };
}

/** For people: one line for each item below the titles. */
export function table(items: readonly Item[], columns: readonly Column[]): string {
  const rows = [columns.map(({ title }) => title), ...items.map((item) => columns.map(({ of }) => cell(of(item))))];
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((text, index) => text.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** What came from outside must not move the cursor or add lines. */
export function cell(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
}
