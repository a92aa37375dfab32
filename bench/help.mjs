// How long the help of every command takes beside the start of Node itself: `node bench/help.mjs [ROUNDS]` after a build.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createProgram } from '../apps/cli/dist/program.js';
import { quantile } from './statistics.mjs';

const main = fileURLToPath(new URL('../apps/cli/dist/main.js', import.meta.url));
const rounds = Number(process.argv[2] ?? 11);

function* commandsOf(command, path) {
  yield path;
  for (const child of command.commands) yield* commandsOf(child, [...path, child.name()]);
}

const runs = [
  { name: 'node alone', args: ['-e', '0'], times: [] },
  ...[...commandsOf(createProgram(), [])].map((path) => ({
    name: `sealane ${path.join(' ')} --help`,
    args: [main, ...path, '--help'],
    times: [],
  })),
];
// Round by round, so that a busy moment of the machine meets all of them.
for (let round = 0; round < rounds; round += 1) {
  for (const { args, times } of runs) {
    const startMs = performance.now();
    const { status } = spawnSync(process.execPath, args);
    if (status !== 0) throw new Error(`exit status ${status}: ${args.join(' ')}`);
    times.push(performance.now() - startMs);
  }
}
for (const { name, times } of runs) {
  const [least, median, most] = [0, 0.5, 1].map((share) => `${quantile(times, share).toFixed(0)} ms`.padStart(8));
  console.log(`${name.padEnd(34)} least ${least}  median ${median}  most ${most}`);
}
