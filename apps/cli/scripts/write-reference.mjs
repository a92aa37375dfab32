// Writes docs/cli.md from the built program. With --check it only compares and fails if the file is not current.
import { readFileSync, writeFileSync } from 'node:fs';
import { createProgram } from '../dist/program.js';
import { appendix, introduction } from './reference-text.mjs';

const file = new URL('../../../docs/cli.md', import.meta.url);

function* commandsOf(command, path) {
  yield [path, command];
  for (const child of command.commands) yield* commandsOf(child, `${path} ${child.name()}`);
}

function renderCommand([path, command]) {
  let help = '';
  command.configureHelp({ helpWidth: 100 });
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return `## \`${path}\`\n\n\`\`\`text\n${help.trim()}\n\`\`\`\n`;
}

const sections = [...commandsOf(createProgram(), 'sealane')].map(renderCommand);
const text = [introduction, ...sections, appendix].join('\n');

if (process.argv.includes('--check')) {
  const current = readFileSync(file, 'utf8');
  if (current !== text) {
    process.stderr.write('docs/cli.md is not current; run "node apps/cli/scripts/write-reference.mjs" after a build\n');
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, text);
}
