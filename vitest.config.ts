import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

// Tests read the sources of every package, so that they run without a build and coverage crosses packages.
const conditions = ['@sealane/source', ...defaultServerConditions];

// On further lines of Node the files of a package share a process: nearly half of the time is for reading the same modules.
const isBrief = process.env['SEALANE_BRIEF'] === '1';

const project = (root: string, extra: Record<string, unknown> = {}) => ({
  extends: true as const,
  root,
  test: {
    name: root.replace(/^(packages|apps)\//, ''),
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    ...extra,
  },
});

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  resolve: { conditions },
  test: {
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    isolate: !isBrief,
    projects: [
      project('packages/types'),
      // What is loaded, and how often a primitive is called, is part of what it tests.
      project('packages/crypto', { isolate: true }),
      project('packages/protocol'),
      project('packages/mux'),
      project('packages/client'),
      project('packages/server'),
      project('packages/testkit'),
      project('packages/fuzz', { testTimeout: 120_000 }),
      project('apps/relay'),
      project('apps/cli'),
      project('bench', { include: ['test/**/*.test.mjs'] }),
      project('packages/integration-tests', { testTimeout: 180_000 }),
    ],
  },
});
