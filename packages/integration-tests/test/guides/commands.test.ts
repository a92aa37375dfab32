import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './guide.js';

/** Which test runs the commands of a page, or of its lines that start so. A command without an entry is one nobody ran. */
const ranBy: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'README.md': {
    'npx -y pnpm@12 start': 'scripts/smoke-start.mjs',
    'npx -y pnpm@12 test': '.ci/run',
    'node apps/': 'packages/integration-tests/test/readme.test.ts',
  },
  'CONTRIBUTING.md': { 'npx -y pnpm@12 ': '.ci/run' },
  'RELEASING.md': { '': 'scripts/proof/release.mjs' },
  'apps/cli/README.md': {
    'npm install --global sealane': 'scripts/proof/packages.mjs',
    'sealane demo': 'apps/cli/test/demo.test.ts',
    'sealane id show': 'apps/cli/test/command-line.test.ts',
    'sealane expose': 'apps/cli/test/expose-connect.test.ts',
    'sealane connect': 'apps/cli/test/expose-connect.test.ts',
    'curl ': 'packages/integration-tests/test/programs/curl.test.ts',
    'ssh -o ProxyCommand': 'packages/integration-tests/test/programs/ssh.test.ts',
  },
  'apps/relay/README.md': {
    'npm install --global @sealane/relay': 'scripts/proof/packages.mjs',
    'sealane-relay --listen': 'apps/relay/test/process.test.ts',
  },
  'docs/operations.md': {
    'sealane-relay init': 'apps/relay/test/settings.test.ts',
    'sealane-relay config ': 'apps/relay/test/settings.test.ts',
    'sealane-relay --config': 'apps/relay/test/settings.test.ts',
    'sealane-relay admin ': 'apps/relay/test/admin/command-line.test.ts',
    'sealane-relay settings ': 'apps/relay/test/settings.test.ts',
    'sealane-relay backup': 'apps/relay/test/settings.test.ts',
    'sealane-relay restore': 'apps/relay/test/settings.test.ts',
  },
  'docs/admin-api.md': {
    'sealane-relay --listen': 'apps/relay/test/admin/first-token.test.ts',
    'sealane-relay admin ': 'apps/relay/test/admin/command-line.test.ts',
  },
  'docs/getting-started.md': { '': 'packages/integration-tests/test/guides/getting-started.test.ts' },
  'docs/library.md': { 'npm install @sealane/client': 'scripts/proof/packages.mjs' },
  'docs/benchmarks.md': { 'pnpm bench': 'packages/integration-tests/test/bench.test.ts' },
  'docs/load.md': { 'pnpm load': 'packages/integration-tests/test/load.test.ts' },
  'docs/admission.md': { '': 'apps/cli/test/admission.test.ts' },
  'docs/fuzzing.md': { 'pnpm fuzz': '.ci/run' },
  'docs/reliability.md': { 'pnpm soak': '.ci/run', 'npx vitest': 'packages/integration-tests/test' },
  'docs/observability.md': { 'sealane-relay --listen': 'apps/relay/test/observability.test.ts' },
  'docs/threat-model.md': { 'npx vitest': 'packages/integration-tests/test/relay-matrix.test.ts' },
  'examples/README.md': {
    'npx -y pnpm@12 ': '.ci/run',
    'node apps/relay/': 'packages/integration-tests/test/examples/example-stage.ts',
  },
  'examples/browser/README.md': { '': 'packages/integration-tests/test/browser/example.test.ts' },
  'examples/phone-pairing/README.md': { '': 'packages/integration-tests/test/browser/phone-pairing.test.ts' },
  'examples/chat/README.md': { '': 'packages/integration-tests/test/examples/examples.test.ts' },
  'examples/http-agent/README.md': { '': 'packages/integration-tests/test/examples/examples.test.ts' },
  'examples/http-server/README.md': { '': 'packages/integration-tests/test/examples/examples.test.ts' },
  'examples/websocket-app/README.md': { '': 'packages/integration-tests/test/examples/examples.test.ts' },
};

const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split('\n')
  .filter((page) => !/^(\.changeset|docs\/decisions)\//.test(page) && existsSync(join(root, page)));

/** Lines of code blocks that are commands; docs/cli.md shows what the program itself prints. */
function commandsOf(page: string): string[] {
  if (page === 'docs/cli.md') return [];
  const blocks = [...read(page).matchAll(/^```(?:sh|bash|console|)\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
  const command = /^(node|npx|npm|pnpm|sealane|sealane-relay|curl|ssh|git|bash|alias) /;
  return blocks.flatMap((block) => block.split('\n')).filter((line) => command.test(line));
}

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

test('every command that a page shows is run by a test', () => {
  const unknown = pages.flatMap((page) =>
    commandsOf(page)
      .filter((line) => !Object.keys(ranBy[page] ?? {}).some((start) => line.startsWith(start)))
      .map((line) => `${page}: ${line}`),
  );
  expect(unknown).toEqual([]);
  const missing = Object.values(ranBy)
    .flatMap((entries) => Object.values(entries))
    .filter((path) => !existsSync(join(root, path)));
  expect(missing).toEqual([]);
});

test('every link between pages leads somewhere, and to a heading that is there', () => {
  const broken = pages.flatMap((page) =>
    [...withoutCode(read(page)).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)]
      .map((match) => match[1]!)
      .filter((link) => !leadsSomewhere(page, link))
      .map((link) => `${page}: ${link}`),
  );
  expect(broken).toEqual([]);
});

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(root, target))) return false;
  if (anchor === undefined || !target.endsWith('.md')) return true;
  const headings = [...withoutBlocks(read(target)).matchAll(/^#+ (.*)$/gm)].map((match) => slug(match[1]!));
  return headings.includes(anchor);
}

function withoutCode(text: string): string {
  return withoutBlocks(text).replace(/`[^`\n]+`/g, '');
}

function withoutBlocks(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}

/** As the usual renderers make anchors of headings. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[`*]/g, '')
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');
}
