export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  red(text: string): string;
}

interface StyleSource {
  readonly isTTY?: boolean | undefined;
}

/** Colours only on a terminal, and never with NO_COLOR (set and not empty) or TERM=dumb. */
export function createStyle(stream: StyleSource, env: NodeJS.ProcessEnv = process.env): Style {
  const enabled = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const paint = (open: number, close: number) => (text: string) =>
    enabled ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return { bold: paint(1, 22), dim: paint(2, 22), green: paint(32, 39), yellow: paint(33, 39), red: paint(31, 39) };
}
