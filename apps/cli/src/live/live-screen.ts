import { displayWidth } from './display-width.js';
import type { ViewSize } from './render-view.js';

/** A terminal that understands cursor movement. */
export interface Terminal {
  size(): ViewSize;
  /** Resolves when the terminal took it, which may be never: a person can stop a terminal. */
  write(text: string): Promise<void>;
  /** Returns when the terminal took it. */
  writeNow(text: string): void;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are written with them
const colours = /\u001b\[\d+m/g;

/**
 * Lines that stay at the bottom of a terminal, with everything that is printed above them. A terminal that takes nothing
 * holds up nobody: what is printed waits, with its size in `writableLength`, and of the views only the newest does.
 */
export class LiveScreen {
  readonly isTTY = true;
  readonly #terminal: Terminal;
  #printed = '';
  #view: readonly string[] = [];
  #shown: readonly string[] = [];
  #writing: Promise<void> | undefined;
  #isEnded = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  get size(): ViewSize {
    return this.#terminal.size();
  }

  /** Characters that wait to be printed. */
  get writableLength(): number {
    return this.#printed.length;
  }

  /** Whole lines, above the view. */
  write(text: string): void {
    this.#printed += text;
    if (this.#isEnded) this.#flushNow();
    else this.#flush();
  }

  /** The view from now on; no lines is no view. */
  show(lines: readonly string[]): void {
    if (this.#isEnded) return;
    this.#view = lines;
    this.#flush();
  }

  /** Takes the view away, and resolves when the terminal has everything, or after `limitMs`. */
  async hide(limitMs: number): Promise<void> {
    this.show([]);
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    while (this.#writing !== undefined) {
      const writing = this.#writing;
      const isOver = await Promise.race([writing.then(() => false), limit.then(() => true)]);
      if (isOver) break;
    }
    clearTimeout(timer);
  }

  /** The last thing of a process that cannot wait: from now on lines are lines. */
  endNow(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#view = [];
    this.#flushNow();
  }

  #flush(): void {
    if (this.#writing !== undefined) return;
    const text = this.#compose();
    if (text === '') return;
    this.#writing = this.#terminal.write(text).then(() => {
      this.#writing = undefined;
      if (!this.#isEnded) this.#flush();
    });
  }

  #flushNow(): void {
    const text = this.#compose();
    if (text !== '') this.#terminal.writeNow(text);
  }

  /** What makes the terminal show what it shall, in one piece, so that nothing flickers. */
  #compose(): string {
    const printed = this.#printed;
    const view = this.#view;
    if (printed === '' && view.join('\n') === this.#shown.join('\n')) return '';
    const above = this.#rowsShown();
    const back = above === 0 ? '' : `\r\u001b[${above}A`;
    this.#printed = '';
    this.#shown = view;
    // What is printed may be longer than what it takes the place of: then that goes first.
    const log = printed === '' ? '' : `\u001b[J${printed}`;
    return `${back}${log}${view.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`;
  }

  /** Rows from the first line of the view to the cursor. A terminal that became narrower has wrapped the lines. */
  #rowsShown(): number {
    const { columns } = this.#terminal.size();
    return this.#shown.reduce((rows, line) => {
      return rows + Math.max(1, Math.ceil(displayWidth(line.replace(colours, '')) / columns));
    }, 0);
  }
}
