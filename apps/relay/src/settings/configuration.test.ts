import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSealaneError } from '@sealane/types';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCommentedFile } from './commented-file.js';
import { type ConfigProblem, formatOrigin, formatProblem } from './config-problem.js';
import { Configuration, type ConfigurationSources, type RunTimeStore, type SettingsChange } from './configuration.js';
import { limitSettings } from './limit-settings.js';
import { programSettings } from './program-settings.js';
import { countSetting, type SettingValue } from './setting.js';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealane-settings-'));
  file = join(directory, 'relay.yaml');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

class MemoryStore implements RunTimeStore {
  readonly values = new Map<string, unknown>();
  all(): ReadonlyMap<string, unknown> {
    return new Map(this.values);
  }
  set(path: string, value: SettingValue): void {
    this.values.set(path, value);
  }
  unset(path: string): boolean {
    return this.values.delete(path);
  }
}

function load(sources: Omit<ConfigurationSources, 'file'> & { readonly text?: string } = {}): Configuration {
  const { text, ...rest } = sources;
  if (text !== undefined) writeFileSync(file, text);
  return Configuration.load({ ...rest, file: text === undefined ? undefined : file });
}

function problemsOf(work: () => unknown): readonly ConfigProblem[] {
  try {
    work();
  } catch (error) {
    if (isSealaneError(error, 'ERR_CONFIG')) return error.details['problems'] as readonly ConfigProblem[];
    throw error;
  }
  throw new Error('it was taken');
}

const originOf = (configuration: Configuration): string =>
  formatOrigin(configuration.entry(limitSettings.maxSockets).origin);

describe('the layers of a configuration', () => {
  it('are default, file, environment, flags and run time, each stronger than the one before', () => {
    const store = new MemoryStore();
    const text = 'limits:\n  maxSockets: 1\n';
    const environment = { SEALANE_RELAY_LIMITS_MAX_SOCKETS: '2' };
    const flags = [{ path: 'limits.maxSockets', raw: '3', flag: '--set' }];
    const seen = [load(), load({ text }), load({ text, environment }), load({ text, environment, flags })].map(
      (configuration) => [configuration.get(limitSettings.maxSockets), originOf(configuration)],
    );
    expect(seen).toEqual([
      [16_000, 'default'],
      [1, `${file}:2:3`],
      [2, 'SEALANE_RELAY_LIMITS_MAX_SOCKETS'],
      [3, '--set'],
    ]);
    const configuration = load({ text, environment, flags });
    configuration.attach(store);
    configuration.set('limits.maxSockets', '4', 'test');
    expect([configuration.get(limitSettings.maxSockets), originOf(configuration)]).toEqual([4, 'run time']);
    expect(configuration.unset('limits.maxSockets').changed).toEqual(['limits.maxSockets']);
    expect([configuration.get(limitSettings.maxSockets), originOf(configuration)]).toEqual([3, '--set']);
    expect(store.values.size).toBe(0);
  });

  it('keep what was changed at run time for the next process', () => {
    const store = new MemoryStore();
    const first = load();
    first.attach(store);
    first.set('limits.authTimeoutMs', '2.5s', 'test');
    const second = load({ flags: [{ path: 'limits.authTimeoutMs', raw: '1s', flag: '--set' }] });
    second.attach(store);
    expect(second.get(limitSettings.authTimeoutMs)).toBe(2_500);
  });

  it('say of every setting what it is, in the order of the registry', () => {
    const entries = load().entries();
    expect(entries.length).toBeGreaterThan(35);
    expect(entries[0]).toEqual({ setting: programSettings.listen, value: undefined, origin: { kind: 'default' } });
  });

  it('take numbers, times, sizes, switches and lists as they are written', () => {
    const configuration = load({
      text: [
        'open: true',
        'authorities: [a.example:1, b.example:2]',
        'limits:',
        '  authTimeoutMs: 1.5s',
        '  acceptTimeoutMs: 250',
        '  nameGraceMs: 7d',
        '  maxQueuedBytes: 64KiB',
        '  authCpuShare: 0.5',
      ].join('\n'),
    });
    expect(configuration.get(programSettings.open)).toBe(true);
    expect(configuration.get(programSettings.authorities)).toEqual(['a.example:1', 'b.example:2']);
    const { authTimeoutMs, acceptTimeoutMs, nameGraceMs, maxQueuedBytes, authCpuShare } = limitSettings;
    expect(
      [authTimeoutMs, acceptTimeoutMs, nameGraceMs, maxQueuedBytes, authCpuShare].map((s) => configuration.get(s)),
    ).toEqual([1_500, 250, 604_800_000, 65_536, 0.5]);
  });

  it('are not changed by names that Kubernetes sets for a service of this name, nor by empty ones', () => {
    const environment = {
      SEALANE_RELAY_SERVICE_HOST: '10.0.0.1',
      SEALANE_RELAY_PORT_8787_TCP: 'tcp://10.0.0.1:8787',
      SEALANE_RELAY_CONFIG: 'x',
      SEALANE_RELAY_OPEN: '',
      SEALANE_RELAY: 'ws://127.0.0.1',
    };
    expect(
      load({ environment })
        .entries()
        .every(({ origin }) => origin.kind === 'default'),
    ).toBe(true);
  });
});

describe('a reload', () => {
  it('tells what changed and what needs a restart, and keeps running with the old value of that', () => {
    const configuration = load({ text: 'listen: 127.0.0.1:1\nlimits: {maxSockets: 5}\n' });
    const told: SettingsChange[] = [];
    const stop = configuration.onChange((change) => told.push(change));
    writeFileSync(file, 'listen: 127.0.0.1:2\nlimits: {maxSockets: 6, drainMs: 1s}\n');
    const change = { changed: ['limits.maxSockets', 'limits.drainMs'], needsRestart: ['listen'] };
    expect(configuration.reload()).toEqual(change);
    expect(configuration.entry(programSettings.listen)).toMatchObject({ value: '127.0.0.1:2', running: '127.0.0.1:1' });
    stop();
    writeFileSync(file, 'listen: 127.0.0.1:1\n');
    expect(configuration.reload()).toEqual({ changed: ['limits.maxSockets', 'limits.drainMs'], needsRestart: [] });
    expect(told).toEqual([change]);
  });

  it('of a bad file changes nothing, tells nobody, and the next good one holds', () => {
    const configuration = load({ text: 'limits: {maxSockets: 5}\n' });
    const told: SettingsChange[] = [];
    configuration.onChange((change) => told.push(change));
    for (const bad of ['limits: {maxSockets: 0}\n', 'limits: {maxSocket: 7}\n', 'limits: [\n', '\0']) {
      writeFileSync(file, bad);
      expect(problemsOf(() => configuration.reload()).length).toBeGreaterThan(0);
    }
    rmSync(file);
    expect(problemsOf(() => configuration.reload())).toMatchObject([{ kind: 'unreadable' }]);
    expect([configuration.get(limitSettings.maxSockets), told]).toEqual([5, []]);
    writeFileSync(file, 'limits: {maxSockets: 8}\n');
    configuration.reload();
    expect(configuration.get(limitSettings.maxSockets)).toBe(8);
  });
});

describe('settings of the run time', () => {
  it('are refused where they are none, need a restart, do not fit, or fit no other, and nothing is stored', () => {
    const store = new MemoryStore();
    const configuration = load();
    configuration.attach(store);
    const refusals = [
      ['limits.maxSocket', '5'],
      ['listen', '127.0.0.1:1'],
      ['limits.maxSockets', 'many'],
      ['limits.leaseTtlMinMs', '10min'],
    ].map(([path, raw]) => problemsOf(() => configuration.set(String(path), raw, 'test'))[0]);
    expect(refusals.map((problem) => problem?.kind)).toEqual(['unknown', 'restart', 'type', 'conflict']);
    expect(refusals[0]?.suggestion).toBe('limits.maxSockets');
    expect(problemsOf(() => configuration.unset('nonsense'))[0]?.kind).toBe('unknown');
    expect([store.values.size, configuration.entries().every(({ origin }) => origin.kind === 'default')]).toEqual([
      0,
      true,
    ]);
  });

  it('give a rule what it needs before the rule, one after the other, and take it away in the other order alone', () => {
    const configuration = load();
    configuration.attach(new MemoryStore());
    expect(problemsOf(() => configuration.set('admission.require', 'callout', 'test'))[0]?.kind).toBe('conflict');
    configuration.set('callout.url', 'https://example.com/', 'test');
    configuration.set('callout.tokenFile', 'token', 'test');
    configuration.set('admission.require', 'callout', 'test');
    expect(problemsOf(() => configuration.unset('callout.url'))[0]?.kind).toBe('conflict');
    for (const path of ['admission.require', 'callout.url', 'callout.tokenFile']) configuration.unset(path);
    expect(configuration.entries().every(({ origin }) => origin.kind === 'default')).toBe(true);
    // In a file it is a mistake all the same.
    expect(problemsOf(() => load({ text: 'callout: {url: "https://example.com/"}\n' }))[0]).toMatchObject({
      path: 'callout.url',
    });
  });

  it('that no longer hold are left out and named, and do not keep a relay from starting', () => {
    const store = new MemoryStore();
    store.values
      .set('limits.gone', 1)
      .set('limits.maxSockets', 'many')
      .set('listen', '127.0.0.1:1')
      .set('limits.maxNames', 5);
    const configuration = load();
    configuration.attach(store);
    expect(configuration.ignored.map(({ kind, path }) => [kind, path])).toEqual([
      ['unknown', 'limits.gone'],
      ['type', 'limits.maxSockets'],
      ['restart', 'listen'],
    ]);
    expect(configuration.get(limitSettings.maxNames)).toBe(5);
  });
});

describe('mistakes in a file', () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    [
      'unknown',
      'a name that is none',
      'limits:\n  maxSocket: 5\n',
      ':2:3: limits.maxSocket is not a setting; did you mean limits.maxSockets?',
    ],
    [
      'unknown',
      'a name in the wrong place',
      'maxSockets: 5\n',
      ':1:1: maxSockets is not a setting; did you mean limits.maxSockets?',
    ],
    [
      'unknown',
      'a section that is none',
      'limit:\n  maxSockets: 5\n',
      ':1:1: limit is not a setting; did you mean limits?',
    ],
    ['type', 'a value of another type', 'open: yes\n', ':1:7: open is "yes"; write true or false'],
    [
      'type',
      'a group in the place of a value',
      'open: {a: 1}\n',
      ':1:7: open is a group of settings; write true or false',
    ],
    [
      'type',
      'a value in the place of a group',
      'limits: 5\n',
      ':1:1: limits is a group; its settings stand below it, indented',
    ],
    ['type', 'a file that is no group', '- listen\n', ':1:1: is no list of settings; write name: value'],
    [
      'range',
      'a value out of range',
      '\n\nlimits:\n  maxSockets: 0\n',
      ':4:15: limits.maxSockets is 0; it lies between 1 and 1000000000',
    ],
    [
      'range',
      'a time that no timer takes',
      'limits: {acceptTimeoutMs: 40d}\n',
      ':1:27: limits.acceptTimeoutMs is 40 d; it lies between 100 ms and 2147483647 ms',
    ],
    [
      'value',
      'an address that is none',
      'listen: nowhere\n',
      ':1:9: listen is "nowhere"; write HOST:PORT, for example 127.0.0.1:8787 or [::1]:0',
    ],
    ['duplicate', 'a name that stands twice', 'open: true\nopen: false\n', ':2:1: open is set twice, first in line 1'],
    ['alias', 'an alias', 'listen: &a 127.0.0.1:1\ndataDir: *a\n', ':2:10: dataDir is an alias; write the value out'],
    [
      'conflict',
      'values that do not fit each other',
      'limits:\n  leaseTtlMinMs: 10min\n',
      ':2:3: limits.leaseTtlMinMs is 10min, more than limits.leaseTtlMaxMs with 5min',
    ],
  ];
  it.each(cases)('%s: %s', (kind, _title, text, expected) => {
    const problems = problemsOf(() => load({ text }));
    expect(problems.map((problem) => [problem.kind, formatProblem(problem)])).toEqual([[kind, `${file}${expected}`]]);
  });

  it('are all told, the first in the message', () => {
    expect(() => load({ text: 'opn: true\nlisten: 5\n' })).toThrow(
      `${file}:1:1: opn is not a setting; did you mean open? (and 1 more, see config check)`,
    );
  });

  it.each([
    [
      'aliases that grow by nine each time',
      `a: &a [x]\n${'bcdefghi'
        .split('')
        .map((n, i) => `${n}: &${n} [${Array(9).fill(`*${'abcdefghi'[i]}`).join(',')}]`)
        .join('\n')}\n`,
    ],
    ['nesting without end', `limits: ${'['.repeat(100_000)}`],
    ['nested maps without end', Array.from({ length: 2_000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['many names', Array.from({ length: 20_000 }, (_, i) => `a${i}: 1`).join('\n')],
    ['a huge file', `# ${'x'.repeat(300_000)}`],
    ['two documents', 'open: true\n---\nopen: false\n'],
    ['tags', 'listen: !!js/function "x"\n'],
    ['a merge key', '<<: {open: true}\n'],
    ['keys that are lists', '? [a]\n: 1\n'],
    ['a broken text', 'limits:\n\t- x: [\n'],
    ['the name of a prototype', '__proto__: {open: true}\nconstructor: 1\n'],
  ])('%s are an error and nothing worse', (_title, text) => {
    const problems = problemsOf(() => load({ text }));
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(50);
    for (const { origin, message } of problems) {
      expect(formatOrigin(origin).startsWith(file)).toBe(true);
      expect(message.length).toBeLessThan(500);
    }
  });

  it('are bytes that are no UTF-8, and a directory in the place of a file', () => {
    writeFileSync(file, Buffer.from([0x6f, 0xff, 0xfe]));
    expect(problemsOf(() => Configuration.load({ file }))).toMatchObject([{ kind: 'unreadable' }]);
    expect(problemsOf(() => Configuration.load({ file: directory }))).toMatchObject([{ kind: 'unreadable' }]);
  });

  it('are none in an empty file, or where a name has no value', () => {
    for (const text of ['', '# nothing\n', '---\n', 'limits:\n', 'limits: {}\nlisten:\n']) {
      expect(
        load({ text })
          .entries()
          .every(({ origin }) => origin.kind === 'default'),
      ).toBe(true);
    }
  });
});

describe('mistakes elsewhere', () => {
  it('in the environment name it, and what was probably meant', () => {
    expect(() => load({ environment: { SEALANE_RELAY_LIMITS_MAX_SOCKET: '5' } })).toThrow(
      'SEALANE_RELAY_LIMITS_MAX_SOCKET: SEALANE_RELAY_LIMITS_MAX_SOCKET is not a setting; did you mean SEALANE_RELAY_LIMITS_MAX_SOCKETS?',
    );
    expect(() => load({ environment: { SEALANE_RELAY_OPEN: 'maybe' } })).toThrow(
      'SEALANE_RELAY_OPEN: open is "maybe"; write true or false',
    );
  });

  it('in flags are wrong usage', () => {
    expect(() => load({ flags: [{ path: 'limit.maxSockets', raw: '5', flag: '--set' }] })).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', details: expect.objectContaining({ usage: true }) }),
    );
  });
});

it('the file of init has each section once, however deep, in whatever order settings were registered', () => {
  const setting = (path: string) =>
    countSetting({ path, default: 5, meaning: `what ${path} means`, applies: 'live', max: 9 });
  const paths = ['a.deep.one', 'top', 'b.x', 'a.flat', 'a.deep.two', 'a.other.one'];
  const text = createCommentedFile(new Map([['a.deep.two', 7]]), paths.map(setting));
  const lines = text.split('\n').filter((line) => /^ *(# )?\w+:( \d+)?$/.test(line));
  expect(lines).toEqual([
    '# top: 5',
    'a:',
    '  # flat: 5',
    '  deep:',
    '    # one: 5',
    '    two: 7',
    '  other:',
    '    # one: 5',
    'b:',
    '  # x: 5',
  ]);
});
