import { type Command, CommanderError } from 'commander';
import { usageError } from './output/error-line.js';

/** Parses and runs; returns the exit code. What commander refuses becomes wrong usage. */
export async function parseProgram(program: Command, argv: readonly string[]): Promise<number> {
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return 0;
    const message =
      error.code === 'commander.help'
        ? 'a command is missing'
        : error.message
            .replace(/^error: /, '')
            .replace(/\s*\n\s*/g, ' ')
            .replace(/\.$/, '');
    throw usageError(`${message}; see "${commandLine(program, argv)} --help"`, { cause: error });
  }
}

/** The deepest command that the arguments name. */
function commandLine(program: Command, argv: readonly string[]): string {
  const path = [program.name()];
  let command = program;
  for (const argument of argv) {
    const next = command.commands.find((candidate) => candidate.name() === argument);
    if (next === undefined) break;
    path.push(next.name());
    command = next;
  }
  return path.join(' ');
}
