import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const usage = `pnpm bench [options]: measures Sealane, the floor and every installed peer in alternating slices.

  --peers NAMES     comma-separated; the floor always takes part (default: all of them)
  --only PATTERN    measures and parts whose name matches this regular expression
  --rounds N        rounds of slices (default: 11)
  --quick           3 rounds of short slices, small counts: shows that it works, not how fast
  --against WHAT    no-resumption: Sealane without it as the baseline, instead of the floor;
                    a directory: another working tree that is built
  --output DIR      writes latest.json and the charts there
  --help

A run of everything writes docs/benchmarks/ and the tables of docs/benchmarks.md.`;

/** What the command line asks for, checked; throws with a text for people. */
export function parseOptions(args, peerNames) {
  const { values } = parseArgs({
    args,
    options: {
      peers: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string' },
      pairs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      against: { type: 'string', default: 'floor' },
      output: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, against, output, help } = values;
  const names = values.peers?.split(',').map((name) => name.trim()) ?? peerNames;
  const unknown = names.find((name) => !peerNames.includes(name));
  if (unknown !== undefined) throw new Error(`--peers: ${unknown} is none of ${peerNames.join(', ')}`);
  // The older name of --rounds.
  const roundsText = values.rounds ?? values.pairs;
  const rounds = roundsText === undefined ? (quick ? 3 : 11) : Number(roundsText);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds: a whole number from 1');
  const isTree = !['floor', 'no-resumption'].includes(against);
  if (isTree && !existsSync(join(against, 'apps/cli/dist/main.js'))) {
    throw new Error('--against: floor, no-resumption, or the directory of another working tree that is built');
  }
  return {
    help,
    quick,
    rounds,
    against: isTree ? resolve(against) : against,
    isTree,
    output,
    peers: peerNames.filter((name) => names.includes(name) || name === 'floor'),
    wants: (name) => values.only === undefined || new RegExp(values.only).test(name),
    isComplete: !quick && against === 'floor' && values.only === undefined && values.peers === undefined,
  };
}
