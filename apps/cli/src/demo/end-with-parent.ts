import { rmSync } from 'node:fs';

/**
 * Loaded into every process of the demo before its program. The channel to the demo closes when the demo ends, in
 * whatever way, also by SIGKILL: then this process ends too and takes the temporary files with it.
 */
process.once('disconnect', () => {
  const directory = process.env['SEALANE_DEMO_DIRECTORY'];
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  process.exit(0);
});
// The program decides how long it runs, not this channel.
process.channel?.unref();
