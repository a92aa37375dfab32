import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exchange, runProcess, startEchoServer, startProcess, stopAllProcesses } from '@sealane/testkit';
import { transform } from 'esbuild';
import { afterEach, beforeEach, expect, test } from 'vitest';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../../..');
const readme = await readFile(join(root, 'README.md'), 'utf8');
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealane-readme-'));
});

afterEach(async () => {
  await stopAllProcesses();
  await rm(directory, { recursive: true, force: true });
});

/** Words of the command line in the README that runs this program with this command, with what differs here replaced. */
function command(start: string, replacements: Readonly<Record<string, string>>): string[] {
  let line = readme.split('\n').find((candidate) => candidate.startsWith(`node ${start}`));
  if (line === undefined) throw new Error(`the README does not show: ${start}`);
  for (const [from, to] of Object.entries(replacements)) line = line.replace(from, to);
  return line.split(' ').slice(1);
}

function run(words: readonly string[]) {
  const [file, ...args] = words;
  return startProcess(join(root, file!), [...args, '--json'], { env: { ...process.env, XDG_CONFIG_HOME: directory } });
}

async function startRelay(): Promise<string> {
  const relay = run(
    command('apps/relay/dist/main.js', {
      '127.0.0.1:9000': '127.0.0.1:0',
      './relay-data': join(directory, 'relay-data'),
    }),
  );
  return String((await relay.waitFor('listening'))['url']);
}

test('the three lines that expose and connect do it', async () => {
  const url = await startRelay();
  await using echo = await startEchoServer();
  const owner = run(command('apps/cli/dist/main.js expose', { '8080': String(echo.port), 'ws://127.0.0.1:9000': url }));
  const { address } = await owner.waitFor('ready');
  const dialer = run(
    command('apps/cli/dist/main.js connect', {
      "'sealane://...the address that expose printed...'": String(address),
      '127.0.0.1:8081': '127.0.0.1:0',
    }),
  );
  const local = String((await dialer.waitFor('listening'))['address']);
  const received: Uint8Array[] = [];
  const port = Number(local.split(':')[1]);
  const { end } = await exchange({ port }, [Buffer.from('through the relay')], {
    onData: (chunk) => received.push(chunk),
  });
  expect(Buffer.concat(received).toString()).toBe('through the relay');
  expect(end).toBe('fin');
});

test('the ten lines of the library do it', async () => {
  const url = await startRelay();
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  if (example === undefined) throw new Error('the README shows no library use');
  const program = `
    const friends = { has: () => true };
    ${example.replaceAll('ws://127.0.0.1:9000', url)}
    for await (const accepted of listener) {
      for await (const incoming of accepted) {
        const { value } = await incoming.readable.getReader().read();
        console.log(JSON.stringify({ event: 'got', label: incoming.label, text: new TextDecoder().decode(value) }));
        process.exit(0);
      }
    }
  `;
  const { code } = await transform(program, { loader: 'ts', target: 'node20', format: 'esm' });
  // Beside this file, so that the packages are found.
  const file = join(here, `readme-example-${process.pid}.mjs`);
  await writeFile(file, code);
  try {
    const result = await runProcess(file);
    expect(result.stdout, result.stderr).toContain('{"event":"got","label":"hello","text":"hi"}');
    expect(result.code).toBe(0);
  } finally {
    await rm(file, { force: true });
  }
});
