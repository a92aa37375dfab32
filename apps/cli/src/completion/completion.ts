import type { Command } from 'commander';
import { renderBash } from './bash.js';
import { describeCommands } from './command-tree.js';
import { renderFish } from './fish.js';
import { renderZsh } from './zsh.js';

/** Prints the script of a shell, or with `names` what the scripts ask for while somebody types. */
export async function runCompletion(program: Command, shell: string): Promise<void> {
  if (shell === 'names') {
    const { printNames } = await import('./names.js');
    await printNames();
    return;
  }
  const render = shell === 'bash' ? renderBash : shell === 'zsh' ? renderZsh : renderFish;
  process.stdout.write(render(program.name(), describeCommands(program)));
}
