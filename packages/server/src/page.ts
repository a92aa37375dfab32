/** Which part of a list. */
export interface PageQuery {
  /** What `next` of the page before said; without it the list begins. */
  readonly after?: string | undefined;
  /** At most so many, from 1 to 1,000; 100 unless told. */
  readonly limit?: number | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; undefined at the end. */
  readonly next: string | undefined;
}

const MAX_ITEMS = 1_000;

/**
 * The items with the smallest keys after `after`, in their order. What is there all the while is on exactly one page,
 * whatever comes and goes meanwhile. Keys are different from each other.
 */
export function firstPage<T, V>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  { after = '', limit = 100 }: PageQuery,
  viewOf: (item: T) => V,
): Page<V> {
  const most = Math.max(1, Math.min(MAX_ITEMS, Math.floor(limit)));
  /** Sorted only when it has grown to twice what is wanted: each item is compared with one bound. */
  let found: { readonly key: string; readonly item: T }[] = [];
  let bound: string | undefined;
  let isCut = false;
  const cut = (): void => {
    found.sort((a, b) => (a.key < b.key ? -1 : 1));
    if (found.length > most) isCut = true;
    found = found.slice(0, most);
    if (found.length === most) bound = found.at(-1)?.key;
  };
  for (const item of items) {
    const key = keyOf(item);
    if (key <= after) continue;
    if (bound !== undefined && key > bound) isCut = true;
    else if (found.push({ key, item }) >= most * 2) cut();
  }
  cut();
  return { items: found.map(({ item }) => viewOf(item)), next: isCut ? found.at(-1)?.key : undefined };
}
