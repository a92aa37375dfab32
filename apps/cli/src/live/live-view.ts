import { atEnd } from '../output/exit.js';
import { createStyle } from '../output/style.js';
import { isForeground } from './foreground.js';
import { LiveScreen } from './live-screen.js';
import { renderView } from './render-view.js';
import type { LiveSnapshot } from './snapshot.js';
import { TtyTerminal } from './tty-terminal.js';
import { type LiveOptions, wantsLive } from './wants-live.js';

/** A screen where a live view is possible and nobody refused it. Everything that is printed must go through it. */
export function createScreen(options: LiveOptions): LiveScreen | undefined {
  return wantsLive(options) ? new LiveScreen(new TtyTerminal()) : undefined;
}

const refreshMs = 1_000;
const lastWriteMs = 500;
const afterStopMs = 50;

/** Shows what `look` sees about once a second, in place, until the program ends. */
export function startLiveView(screen: LiveScreen, look: () => LiveSnapshot): void {
  const style = createStyle(screen);
  const draw = (): void => screen.show(isForeground() ? renderView(look(), screen.size, style) : []);
  const timer = setInterval(draw, refreshMs);
  timer.unref();
  process.stdout.on('resize', draw);
  if (process.platform !== 'win32') hideWhileStopped(screen, draw);
  atEnd(async () => {
    clearInterval(timer);
    process.stdout.off('resize', draw);
    process.off('SIGCONT', draw);
    await screen.hide(lastWriteMs);
    screen.endNow();
  });
  process.once('exit', () => screen.endNow());
  draw();
}

/** Ctrl-Z: the shell that takes over finds a line of its own, and the view comes back with the program. */
function hideWhileStopped(screen: LiveScreen, draw: () => void): void {
  const onStop = (): void => {
    void screen.hide(lastWriteMs).then(() => {
      process.off('SIGTSTP', onStop);
      // Now with what the system does by itself, which is nothing where nobody could continue the program.
      process.kill(process.pid, 'SIGTSTP');
      setTimeout(() => {
        process.on('SIGTSTP', onStop);
        draw();
      }, afterStopMs).unref();
    });
  };
  process.on('SIGTSTP', onStop);
  process.on('SIGCONT', draw);
}
