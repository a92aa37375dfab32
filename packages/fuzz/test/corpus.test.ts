import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCorpusFile } from '../src/corpus-file.js';
import { Coverage } from '../src/coverage.js';
import { Executor } from '../src/executor.js';
import { targets } from '../targets/index.js';

const corpusOf = (name: string): Uint8Array[] =>
  [`../corpus/${name}.txt`, `../corpus/failures/${name}.txt`].flatMap((path) =>
    readCorpusFile(fileURLToPath(new URL(path, import.meta.url))),
  );

describe.each(targets)('$name', (target) => {
  it('keeps its rules for every input that was ever kept', async () => {
    await target.prepare?.();
    const executor = new Executor(target, new Coverage(new Uint8Array(4)), () => undefined);
    for (const input of [...target.seeds(), ...corpusOf(target.name)]) {
      const failure = await executor.run(input.slice(0, target.maxBytes));
      expect(failure?.stack, Buffer.from(input).toString('base64')).toBeUndefined();
    }
    executor.close();
    expect(executor.executions).toBeGreaterThan(0);
  });
});
