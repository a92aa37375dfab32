import { describe, expect, it } from 'vitest';
import { VirtualTerminal } from '../../test/virtual-terminal.js';
import { LiveScreen } from './live-screen.js';

function createScreen(columns = 20, rows = 8) {
  const terminal = new VirtualTerminal(columns, rows);
  const writes: string[] = [];
  let taken: (() => void) | undefined;
  let isStopped = false;
  const screen = new LiveScreen({
    size: () => ({ columns: terminal.columns, rows: terminal.rows }),
    write: (text) => {
      writes.push(text);
      terminal.write(text.replaceAll('\n', '\r\n'));
      return isStopped
        ? new Promise((resolve) => {
            taken = resolve;
          })
        : Promise.resolve();
    },
    writeNow: (text) => {
      writes.push(text);
      terminal.write(text.replaceAll('\n', '\r\n'));
    },
  });
  return {
    screen,
    terminal,
    writes,
    stop: () => {
      isStopped = true;
    },
    go: () => {
      isStopped = false;
      taken?.();
    },
  };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a live screen', () => {
  it('keeps the view below whatever is printed', async () => {
    const { screen, terminal } = createScreen();
    screen.write('first\n');
    await settle();
    screen.show(['view 1', 'more']);
    await settle();
    expect(terminal.screen).toEqual(['first', 'view 1', 'more']);
    screen.write('second\nthird\n');
    await settle();
    expect(terminal.screen).toEqual(['first', 'second', 'third', 'view 1', 'more']);
    screen.show(['view 2']);
    await settle();
    expect(terminal.screen).toEqual(['first', 'second', 'third', 'view 2']);
    expect(terminal.cursor).toEqual({ row: 4, column: 0 });
  });

  it('loses nothing that was printed when the terminal scrolls', async () => {
    const { screen, terminal } = createScreen(20, 5);
    const printed = Array.from({ length: 30 }, (_, index) => `line ${index}`);
    for (const [index, line] of printed.entries()) {
      screen.show([`at ${index}`, 'b', 'c']);
      await settle();
      screen.write(`${line}\n`);
      await settle();
    }
    expect(terminal.history).toEqual([...printed, 'at 29', 'b', 'c', '']);
  });

  it('wraps what is printed, and only that', async () => {
    const { screen, terminal } = createScreen(10);
    screen.show(['view']);
    await settle();
    screen.write('twelve chars\n');
    await settle();
    expect(terminal.screen).toEqual(['twelve cha', 'rs', 'view']);
  });

  it('redraws in one write without taking anything away before, and writes nothing that is there', async () => {
    const { screen, writes } = createScreen();
    screen.show(['a', 'b']);
    await settle();
    screen.show(['a', 'b']);
    await settle();
    expect(writes).toHaveLength(1);
    screen.show(['a', 'c']);
    await settle();
    expect(writes).toHaveLength(2);
    // Erasing comes after the new text, line by line and at the end: that is what does not flicker.
    expect(writes[1]).toBe('\r\u001b[2Aa\u001b[K\nc\u001b[K\n\u001b[J');
  });

  it('leaves no remains when the terminal became narrower or wider', async () => {
    const { screen, terminal } = createScreen(30, 12);
    screen.write('printed before\n');
    screen.show(['a line of the view, 27 wide.', 'short', '\u001b[1mbold, 26 columns wide.....\u001b[22m']);
    await settle();
    for (const columns of [12, 7, 40, 9]) {
      terminal.resize(columns, 20);
      screen.show([`now ${columns}`, 'end'.padEnd(columns - 1, '.')]);
      await settle();
      expect(terminal.history.join('')).toBe(`printed beforenow ${columns}${'end'.padEnd(columns - 1, '.')}`);
    }
  });

  it('waits for a stopped terminal with the newest view alone, and says how much is to be printed', async () => {
    const { screen, terminal, writes, stop, go } = createScreen();
    screen.show(['view 0']);
    await settle();
    stop();
    screen.show(['view 1']);
    for (let index = 2; index < 100; index += 1) screen.show([`view ${index}`]);
    screen.write('printed\n');
    await settle();
    expect(writes).toHaveLength(2);
    expect(screen.writableLength).toBe(8);
    go();
    await settle();
    expect(terminal.screen).toEqual(['printed', 'view 99']);
    expect(screen.writableLength).toBe(0);
    expect(writes).toHaveLength(3);
  });

  it('hides in time from a terminal that takes nothing, and comes back', async () => {
    const { screen, terminal, stop, go } = createScreen();
    screen.show(['view']);
    await settle();
    await screen.hide(10_000);
    expect(terminal.screen).toEqual([]);
    expect(terminal.cursor).toEqual({ row: 0, column: 0 });
    screen.show(['again']);
    await settle();
    stop();
    screen.show(['stopped']);
    await screen.hide(10);
    go();
    await settle();
    expect(terminal.screen).toEqual([]);
  });

  it('after its end lines are lines, at once', async () => {
    const { screen, terminal } = createScreen();
    screen.show(['view']);
    await settle();
    screen.endNow();
    screen.show(['never']);
    screen.write('the end\n');
    screen.endNow();
    expect(terminal.screen).toEqual(['the end']);
  });
});
