/** A row, and whether the text of the one above it goes on in it. */
interface Row {
  cells: string[];
  isContinued: boolean;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told
const beginning = /^\u001b(\[[?\d;]*)?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told
const sequence = /^\u001b\[(\??)([\d;]*)([A-Za-z])/;

/**
 * What a person sees: interprets what is written to a terminal as xterm does, and wraps lines anew when it becomes
 * narrower, as most terminals do. An escape sequence that it does not know is an error.
 */
export class VirtualTerminal {
  columns: number;
  rows: number;
  /** Everything that was written, above what is to be seen too. */
  #lines: Row[] = [{ cells: [], isContinued: false }];
  #row = 0;
  #column = 0;
  #rest = '';

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** The rows to be seen, without spaces at their ends. */
  get screen(): string[] {
    const rows = this.#lines.slice(-this.rows).map(({ cells }) => cells.join('').trimEnd());
    while (rows.at(-1) === '') rows.pop();
    return rows;
  }

  /** With the rows that went away at the top. */
  get history(): string[] {
    return this.#lines.map(({ cells }) => cells.join('').trimEnd());
  }

  /** Where the next character goes. */
  get cursor(): { readonly row: number; readonly column: number } {
    return { row: this.#row - Math.max(0, this.#lines.length - this.rows), column: this.#column };
  }

  write(text: string): void {
    let left = this.#rest + text;
    this.#rest = '';
    while (left !== '') {
      if (left.startsWith('\u001b')) {
        const [whole, isPrivate, numbers = '', action = ''] = sequence.exec(left) ?? [];
        if (whole === undefined) {
          if (beginning.test(left)) {
            this.#rest = left;
            return;
          }
          throw new Error(`not understood: ${JSON.stringify(left.slice(0, 20))}`);
        }
        this.#act(`${isPrivate}${action}`, numbers);
        left = left.slice(whole.length);
        continue;
      }
      const [character = ''] = left;
      this.#put(character);
      left = left.slice(character.length);
    }
  }

  resize(columns: number, rows: number): void {
    const texts: string[][] = [];
    let cursor = { text: 0, offset: 0 };
    for (const [index, { cells, isContinued }] of this.#lines.entries()) {
      if (!isContinued || texts.length === 0) texts.push([]);
      const text = texts.at(-1);
      if (index === this.#row) cursor = { text: texts.length - 1, offset: (text?.length ?? 0) + this.#column };
      text?.push(...cells);
    }
    this.columns = columns;
    this.rows = rows;
    this.#lines = [];
    for (const [index, text] of texts.entries()) {
      if (index === cursor.text) {
        this.#row = this.#lines.length + Math.floor(cursor.offset / columns);
        this.#column = cursor.offset % columns;
      }
      for (let at = 0; at === 0 || at < text.length; at += columns) {
        this.#lines.push({ cells: text.slice(at, at + columns), isContinued: at > 0 });
      }
    }
  }

  #put(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') this.#down(false);
    else if (character < ' ') throw new Error(`not understood: ${JSON.stringify(character)}`);
    else {
      if (this.#column >= this.columns) {
        this.#down(true);
        this.#column = 0;
      }
      const { cells } = this.#current;
      while (cells.length < this.#column) cells.push(' ');
      cells[this.#column] = character;
      this.#column += 1;
    }
  }

  get #current(): Row {
    const row = this.#lines[this.#row];
    if (row === undefined) throw new Error('the cursor left the screen');
    return row;
  }

  #down(isContinued: boolean): void {
    this.#row += 1;
    if (this.#row === this.#lines.length) this.#lines.push({ cells: [], isContinued });
    else this.#current.isContinued = isContinued;
  }

  #act(action: string, numbers: string): void {
    const count = Number(numbers || 1);
    if (action === 'A') {
      const top = Math.max(0, this.#lines.length - this.rows);
      this.#row = Math.max(top, this.#row - count);
    } else if (action === 'K' && numbers === '') {
      this.#current.cells.length = Math.min(this.#current.cells.length, this.#column);
    } else if (action === 'J' && numbers === '') {
      this.#current.cells.length = Math.min(this.#current.cells.length, this.#column);
      this.#lines.length = this.#row + 1;
    } else if (action !== 'm') {
      throw new Error(`not understood: ${numbers}${action}`);
    }
  }
}
