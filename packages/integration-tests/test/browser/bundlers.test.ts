import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as buildWithEsbuild } from 'esbuild';
import { build as buildWithVite, type Rolldown } from 'vite';
import { describe, expect, it } from 'vitest';
import { sharedStage } from './support/browser-stage.js';

const start = sharedStage();
const pageFile = (name: string): string => fileURLToPath(new URL(`page/${name}.ts`, import.meta.url));
const entry = pageFile('tiny');

/** As a user installs it: the built packages, no conditions of this repository. */
const bundlers: Readonly<Record<string, (directory: string) => Promise<string>>> = {
  esbuild: () => bundleWithEsbuild(entry),
  Vite: async (root) => {
    const result = (await buildWithVite({
      configFile: false,
      root,
      logLevel: 'silent',
      build: { write: false, rolldownOptions: { input: entry } },
    })) as Rolldown.RolldownOutput;
    return result.output[0].code;
  },
};

async function bundleWithEsbuild(file: string): Promise<string> {
  const result = await buildWithEsbuild({
    entryPoints: [file],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    external: ['node:crypto'],
    logLevel: 'silent',
  });
  return result.outputFiles[0]?.text ?? '';
}

describe('a small page in production form', () => {
  for (const [name, bundle] of Object.entries(bundlers)) {
    it(`made by ${name} talks to Node, and knows what it fails with`, async (test) => {
      const on = await start(test);
      const directory = mkdtempSync(join(tmpdir(), 'sealane-bundle-'));
      try {
        const code = await bundle(directory);
        const { listener } = await on.node.echoOwner(on.relayUrl);
        const page = await on.pageOf(code);
        const heard = await page.evaluate(
          ([relayUrl, address]) =>
            (globalThis as unknown as { say(...words: string[]): Promise<string> }).say(relayUrl, address, 'hello'),
          [on.relayUrl, listener.address] as const,
        );
        expect(heard).toBe('hello');
        const failed = await page.evaluate(
          ([relayUrl, address]) =>
            (globalThis as unknown as { failure(...words: string[]): Promise<string> }).failure(relayUrl, address),
          [on.relayUrl, listener.address] as const,
        );
        expect(failed).toBe('ERR_RELAY_NO_OWNER');
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    });
  }

  it('with one half of the client dials another one with the other half', async (test) => {
    const on = await start(test);
    const [owner, dialer] = await Promise.all(
      ['listening', 'dialing'].map(async (name) => on.pageOf(await bundleWithEsbuild(pageFile(name)))),
    );
    type Words = (...words: string[]) => Promise<string>;
    const listening = ([relayUrl]: readonly string[]): Promise<string> =>
      (globalThis as unknown as { listen: Words }).listen(relayUrl!);
    const saying = ([relayUrl, address]: readonly string[]): Promise<string> =>
      (globalThis as unknown as { say: Words }).say(relayUrl!, address!, 'hello');
    const address = await owner!.evaluate(listening, [on.relayUrl]);
    expect(await dialer!.evaluate(saying, [on.relayUrl, address])).toBe('hello');
  });
});
