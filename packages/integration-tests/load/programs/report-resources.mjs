// Loaded into a relay with `--import report-resources.mjs?file=PATH`: writes what keeps its event loop busy into the file.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const { searchParams } = new URL(import.meta.url);
const file = fileURLToPath(searchParams.get('file'));

setInterval(
  () => {
    const handles = {};
    for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
    const { heapUsed, external } = process.memoryUsage();
    writeFileSync(file, JSON.stringify({ handles, heapUsed, external }));
  },
  Number(searchParams.get('everyMs')),
).unref();
