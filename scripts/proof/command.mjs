import { execFile } from 'node:child_process';

// What the calling package manager tells its own scripts would tell the programs started here the wrong things.
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_(registry|userconfig|cache)$)|pnpm_|INIT_CWD)/i.test(name),
  ),
);

/** Runs a program to its end: `{ code, stdout, stderr }`, whatever the code is. */
export function run(program, args, { cwd, env = {}, timeoutMs = 180_000 } = {}) {
  return new Promise((resolve) => {
    const options = { cwd, env: { ...inherited, ...env }, timeout: timeoutMs, maxBuffer: 67_108_864 };
    execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? 1), stdout, stderr });
    });
  });
}

/** The same, and fails with what the program printed when it does not end with 0. */
export async function must(program, args, options) {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code === 0) return stdout;
  throw new Error(
    `${[program, ...args].join(' ')} ended with ${code}\n${stdout.slice(-6_000)}\n${stderr.slice(-6_000)}`,
  );
}
