import { Argument, type Command } from 'commander';
import { usageError } from '../output/error-line.js';

const shells = ['bash', 'zsh', 'fish'];

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .summary('print a script by which a shell completes commands')
    .description('Prints a script by which a shell completes commands, options, files and pinned names.')
    .addArgument(new Argument('<shell>', shells.join(', ')).choices(shells).argParser(parseShell))
    .option('--debug', 'print stack traces of errors')
    .addHelpText(
      'after',
      `
Examples:
  $ sealane completion bash >> ~/.bashrc
  $ sealane completion zsh > "\${fpath[1]}/_sealane"
  $ sealane completion fish > ~/.config/fish/completions/sealane.fish

The scripts ask for pinned names with "sealane completion names".`,
    )
    .action(async (shell: string) => {
      const { runCompletion } = await import('../completion/completion.js');
      await runCompletion(program, shell);
    });
}

function parseShell(text: string): string {
  if (text !== 'names' && !shells.includes(text))
    throw usageError(`"${text}" is not a shell known here; use ${shells.join(', ')}`);
  return text;
}
