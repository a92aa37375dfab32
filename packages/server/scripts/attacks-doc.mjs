#!/usr/bin/env node
// Writes the table of attacks in packages/server/README.md from the files that tests leave where SEALANE_PEAKS says:
//   SEALANE_PEAKS=peaks.jsonl npx vitest run --project relay --project integration-tests hostile-memory hostile-attacks
//   node packages/server/scripts/attacks-doc.mjs peaks.jsonl
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const target = fileURLToPath(new URL('../README.md', import.meta.url));
const begin = '<!-- attacks: written by packages/server/scripts/attacks-doc.mjs -->';
const end = '<!-- end of attacks -->';

const attacks = new Map();
const versions = new Set();
for (const file of process.argv.slice(2)) {
  for (const line of (await readFile(file, 'utf8')).trim().split('\n')) {
    const { name, bound, refusals, node, peakMib } = JSON.parse(line);
    const attack = attacks.get(name) ?? { bound, refusals, peaks: new Map() };
    attack.peaks.set(node, Math.max(peakMib, attack.peaks.get(node) ?? 0));
    attacks.set(name, attack);
    versions.add(node);
  }
}
const nodes = [...versions].sort((a, b) => a - b);
const last = 'all of them at once';
const names = [...attacks.keys()].sort((a, b) => Number(a === last) - Number(b === last));
const rows = names.map((name) => {
  const { bound, refusals, peaks } = attacks.get(name);
  const codes = refusals.map((code) => `\`${code}\``).join(', ');
  return `| ${[name, bound, codes, ...nodes.map((node) => peaks.get(node) ?? '')].join(' | ')} |`;
});
const table = [
  begin,
  '',
  `| attack | what holds it | answered with | ${nodes.map((node) => `Node ${node}`).join(' | ')} |`,
  `| --- | --- | --- | ${nodes.map(() => '--- |').join(' ')}`,
  ...rows,
  '',
  end,
].join('\n');

const text = await readFile(target, 'utf8');
const [from, to] = [text.indexOf(begin), text.indexOf(end)];
if (from < 0 || to < from) throw new Error('packages/server/README.md has no place for the table');
await writeFile(target, text.slice(0, from) + table + text.slice(to + end.length));
