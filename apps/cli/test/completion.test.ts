import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { requireProgram, runProcess } from '@sealane/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CompletionCommand, describeCommands } from '../src/completion/command-tree.js';
import { createProgram } from '../src/program.js';
import { sealaneFile, TestUser } from './programs.js';

let user: TestUser;
let commands: readonly CompletionCommand[];
/** With `sealane` in the search path, as it is installed. */
let env: Record<string, string | undefined>;

beforeAll(async () => {
  user = await TestUser.create();
  commands = describeCommands(createProgram());
  await mkdir(user.file('bin'));
  await writeFile(user.file('bin/sealane'), `#!/bin/sh\nexec '${process.execPath}' '${sealaneFile}' "$@"\n`);
  await chmod(user.file('bin/sealane'), 0o755);
  env = { ...user.env, HOME: user.directory, PATH: `${user.file('bin')}${delimiter}${process.env['PATH']}` };
  const ids: string[] = [];
  for (const file of ['relay', 'owner']) {
    ids.push((await user.run(['id', 'new', '--out', user.file(`${file}.json`)])).stdout.trim());
  }
  for (const name of ['database', 'dashboard', 'web'])
    await user.run(['peers', 'accept', name, ids[1] ?? '', '--relay-id', ids[0] ?? '']);
  await mkdir(user.file('files/a directory'), { recursive: true });
  await writeFile(user.file('files/a file'), '');
});
afterAll(() => user.dispose());

const shell = async (program: string, args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await runProcess(args[0] ?? '', args.slice(1), {
    command: program,
    env,
    cwd: user.file('files'),
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
};

const cases: readonly (readonly [typed: readonly string[], found: readonly string[]])[] = [
  [['exp'], ['expose']],
  [
    ['peers', ''],
    ['accept', 'forget', 'ls'],
  ],
  [
    ['peers', 'accept', 'da'],
    ['dashboard', 'database'],
  ],
  [['connect', 'w'], ['web']],
  [['ping', 'dat'], ['database']],
  [['connect', 'web', '--list'], ['--listen']],
  [
    ['expose', '8080', '--allow-'],
    ['--allow-any', '--allow-file'],
  ],
  [['expose', '--name', 'peers', '--take'], ['--take-over']],
  [['expose', '--name', 'w'], []],
  [
    ['completion', ''],
    ['bash', 'fish', 'zsh'],
  ],
];

describe('completion of bash', () => {
  it('completes every command and option that the help shows, files, and pinned names', async (test) => {
    const bash = requireProgram(test, 'bash');
    const complete = (words: readonly string[]) =>
      `COMP_WORDS=(sealane ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; ` +
      `_sealane sealane; echo "= \${COMPREPLY[*]}"`;
    const all = commands.flatMap(({ path, options, children }) => {
      const above = path.split(' ').slice(1);
      return [
        { words: [...above, '-'], found: options.flatMap(({ flags }) => flags) },
        ...(children.length === 0 ? [] : [{ words: [...above, ''], found: children.map(({ name }) => name) }]),
      ];
    });
    const wanted = [...all, ...cases.map(([words, found]) => ({ words, found }))];
    const files = [
      { words: ['expose', '--allow-file', 'a'], found: ['a directory', 'a file'] },
      { words: ['id', 'show', '--identity', './a\\ f'.replace('\\', '')], found: ['./a file'] },
    ];
    const script = [
      'source <(sealane completion bash)',
      'complete -p sealane',
      ...wanted.map(({ words }) => complete(words)),
      `IFS='|'`,
      ...files.map(({ words }) => complete(words)),
    ].join('\n');
    const [registered, ...answers] = (await shell(bash, ['--norc', '-c', script])).trimEnd().split('\n');
    expect(registered).toBe('complete -F _sealane sealane');
    for (const [index, { words, found }] of wanted.entries()) {
      const answer = (answers[index] ?? '').split(' ').slice(1).filter(Boolean);
      expect([words, answer.sort()]).toEqual([words, [...found].sort()]);
    }
    for (const [index, { found }] of files.entries()) {
      const answer = (answers[wanted.length + index] ?? '').slice(2).split('|');
      expect(answer.sort()).toEqual([...found].sort());
    }
    // The tree is the program's own, so a new command is in it by itself.
    expect(commands.map(({ path }) => path)).toEqual(expect.arrayContaining(['sealane id rotate', 'sealane ping']));
  });
});

describe('completion of fish', () => {
  it('completes commands, options, files and pinned names', async (test) => {
    const fish = requireProgram(test, 'fish');
    const lines = [
      ...cases,
      [
        ['expose', '--allow-file', 'a'],
        ['a directory/', 'a file'],
      ],
    ] as typeof cases;
    const script = [
      'sealane completion fish | source',
      ...lines.map(([words]) => `complete -C 'sealane ${words.join(' ')}'; echo =`),
    ].join('\n');
    const answers = (await shell(fish, ['--no-config', '-c', script])).split('=\n');
    for (const [index, [words, found]] of lines.entries()) {
      const answer = (answers[index] ?? '').split('\n').filter(Boolean);
      expect([words, answer.map((line) => line.split('\t')[0]).sort()]).toEqual([words, [...found].sort()]);
    }
    expect(answers[0]).toContain('\tmake a local service reachable through a relay');
  });
});

describe('completion of zsh', () => {
  it('completes commands, options, files and pinned names in a line that is being typed', async (test) => {
    const zsh = requireProgram(test, 'zsh');
    const typed = [
      ['exp', 'expose '],
      ['peers acc', 'peers accept '],
      ['connect dat', 'connect database '],
      ['peers forget w', 'peers forget web '],
      ['connect web --list', 'connect web --listen '],
      ['expose --allow-file a\\ f', 'expose --allow-file a\\ file '],
      ['completion f', 'completion fish '],
    ] as const;
    await writeFile(
      user.file('.zshrc'),
      `autoload -U compinit; compinit -u -D
source <(sealane completion zsh)
report() { print -r -- "$BUFFER" > "$HOME/typed.$((++count))"; BUFFER= }
zle -N report
bindkey '^X' report
typeset -i count=0
: > "$HOME/ready"
`,
    );
    // Keys of a person at a terminal: each line is typed, completed and then told by its number.
    const driver = `zmodload zsh/zpty
wait_for() { local -i i; for ((i = 0; i < 1000; i++)); do [[ -e $1 ]] && return; sleep 0.02; done; print "no $1"; exit 1 }
zpty shell "HOME=$HOME ZDOTDIR=$HOME TERM=xterm zsh -d -i"
wait_for $HOME/ready
${typed
  .map(([text], index) => `zpty -w -n shell ${quote(`sealane ${text}\t`)}$'\\x18'\nwait_for $HOME/typed.${index + 1}`)
  .join('\n')}
sleep 0.1
cat ${typed.map((_, index) => `$HOME/typed.${index + 1}`).join(' ')}
zpty -d shell
`;
    await writeFile(user.file('driver.zsh'), driver);
    const lines = (await shell(zsh, ['-f', user.file('driver.zsh')])).split('\n');
    expect(lines).toEqual([...typed.map(([, completed]) => `sealane ${completed}`), '']);
  });
});

function quote(text: string): string {
  return `$'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\t', '\\t')}'`;
}
