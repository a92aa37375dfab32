import type { Command } from 'commander';
import { addCommonOptions, type CommonOptions } from './options.js';

export interface DemoOptions extends CommonOptions {
  readonly listen: string;
  readonly once?: boolean;
}

export function addDemo(program: Command): void {
  addCommonOptions(
    program
      .command('demo')
      .summary('run a relay, an owner and a dialer here, and show what the relay sees')
      .description(
        'Runs a relay, an owner that exposes a small web page, and a dialer as separate processes on this machine, and shows side by side what the user sees and what the relay sees. Ctrl-C ends all of it.',
      )
      .option('--listen <address>', 'local address of the web page', '127.0.0.1:0')
      .option('--once', 'end after the first exchange'),
  )
    .addHelpText('after', '\nExamples:\n  $ sealane demo\n  $ sealane demo --listen 127.0.0.1:8000')
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('../demo/demo.js');
      await runDemo(options);
    });
}
