import { encodeJsonLine, sanitize } from './sanitize.js';

/** The result of a command that ends: one line for people, or one JSON object. */
export function printResult(json: boolean | undefined, text: string, value: object): void {
  process.stdout.write(json ? encodeJsonLine(value) : `${sanitize(text, 4000)}\n`);
}
