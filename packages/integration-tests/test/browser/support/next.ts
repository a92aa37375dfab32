/** The next value of `source`, which goes on afterwards: a loop that is left would end it. */
export async function next<T>(source: AsyncIterable<T>): Promise<T> {
  const { value, done } = await source[Symbol.asyncIterator]().next();
  if (done === true) throw new Error('nothing came');
  return value;
}
