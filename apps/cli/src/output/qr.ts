import { correction, generate } from 'lean-qr';
import { createStyle } from './style.js';

interface Terminal {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** Light modules around the code, in modules. Readers ask for four and make do with two. */
const QUIET = 2;
/** Lines that have to stay beside the code: what it is for, and the prompt. */
const OTHER_ROWS = 2;

/**
 * `text` as a QR code of half blocks, or undefined where the terminal cannot show it: no terminal, no UTF-8, or too few
 * columns or rows. Every line ends with a line end.
 */
export function drawQr(text: string, terminal: Terminal, env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (terminal.isTTY !== true || env['TERM'] === 'dumb' || !isUtf8(env)) return undefined;
  const modules = qrModules(text);
  if (modules === undefined) return undefined;
  const size = modules.length;
  if ((terminal.columns ?? 0) < size || (terminal.rows ?? 0) < Math.ceil(size / 2) + OTHER_ROWS) return undefined;
  // With colours the code is dark on light everywhere. Without, light is what a block is on a dark terminal.
  const isColoured = createStyle(terminal, env).bold('') !== '';
  const lines: string[] = [];
  for (let y = 0; y < size; y += 2) {
    let line = '';
    for (let x = 0; x < size; x += 1) {
      const upper = modules[y]![x] === true;
      const lower = modules[y + 1]?.[x] === true;
      line += halfBlock(isColoured ? upper : !upper, isColoured ? lower : !lower && y + 1 < size);
    }
    lines.push(isColoured ? `\u001b[30;107m${line}\u001b[0m\n` : `${line}\n`);
  }
  return lines.join('');
}

/** Writes the code where the terminal can show it, else nothing: the text is there anyway. Whether it was written. */
export function printQr(text: string, terminal: Terminal & { write(text: string): unknown }): boolean {
  const code = drawQr(text, terminal);
  if (code !== undefined) terminal.write(code);
  return code !== undefined;
}

/** Rows of modules, dark ones true, the quiet zone included; undefined for a text that no code holds. */
export function qrModules(text: string): readonly (readonly boolean[])[] | undefined {
  let code: ReturnType<typeof generate>;
  try {
    code = generate(text, { minCorrectionLevel: correction.L });
  } catch {
    return undefined;
  }
  const size = code.size + 2 * QUIET;
  return Array.from({ length: size }, (_, y) =>
    Array.from({ length: size }, (__, x) => code.get(x - QUIET, y - QUIET) === true),
  );
}

function halfBlock(upper: boolean, lower: boolean): string {
  if (upper) return lower ? '█' : '▀';
  return lower ? '▄' : ' ';
}

function isUtf8(env: NodeJS.ProcessEnv): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return process.platform === 'win32' || process.platform === 'darwin' || /utf-?8/i.test(locale);
}
