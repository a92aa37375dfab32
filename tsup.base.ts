import type { Options } from 'tsup';
import { inlineConstants } from './scripts/build/inline-constants.ts';

/** Every package is built file by file, so that what a subpath pulls in stays visible in the tree. */
export const base: Options = {
  entry: ['src/**/*.ts', '!src/**/*.test.ts', '!src/**/*.test-d.ts'],
  format: ['esm'],
  target: 'node20',
  bundle: false,
  esbuildPlugins: [inlineConstants],
  dts: false,
  sourcemap: true,
  // The sources are published beside what is built of them.
  esbuildOptions: (options) => {
    options.sourcesContent = false;
  },
  // Patterns are added to the default "**/*": declarations belong to tsc -b and stay.
  clean: ['!**/*.d.ts', '!**/*.d.ts.map'],
};
