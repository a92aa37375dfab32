import { appendFileSync } from 'node:fs';
import type { Attack } from './attack.js';

/** Adds what an attack cost to the file that packages/server/scripts/attacks-doc.mjs reads, where one is asked for. */
export function notePeak(attack: Pick<Attack, 'name' | 'bound' | 'refusals'>, peakBytes: number): void {
  const file = process.env['SEALANE_PEAKS'];
  if (file === undefined) return;
  const { name, bound, refusals } = attack;
  const node = Number(process.versions.node.split('.')[0]);
  appendFileSync(
    file,
    `${JSON.stringify({ name, bound, refusals, node, peakMib: Math.round(peakBytes / 1_048_576) })}\n`,
  );
}
