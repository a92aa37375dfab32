import { execFileSync } from 'node:child_process';
import {
  findProgram,
  type ProcessOptions,
  type SkippableTest,
  skipTest,
  startProcess,
  type TestProcess,
} from '@sealane/testkit';

let created = 0;

/** Networks of the test alone: one for the relays, one for the dialer, and a pair of devices for each connection between them. */
export class Namespaces implements Disposable {
  readonly relays: string;
  readonly dialer: string;
  readonly #ip: string;

  private constructor(ip: string, relays: string, dialer: string) {
    this.#ip = ip;
    this.relays = relays;
    this.dialer = dialer;
  }

  /** Skips the test where this user may not make namespaces. */
  static create(test: SkippableTest, connections: number): Namespaces {
    const ip = findProgram('ip');
    if (ip === undefined) {
      skipTest(test, 'ip is not installed');
      throw new Error('ip is not installed');
    }
    const own = `sealane-${process.pid}-${created++}`;
    const names = ['relays', 'dialer'].map((name) => `${own}-${name}`) as [string, string];
    const namespaces = new Namespaces(ip, ...names);
    try {
      for (const name of names) {
        namespaces.run('netns', 'add', name);
        namespaces.run('-n', name, 'link', 'set', 'lo', 'up');
      }
      for (let number = 0; number < connections; number++) namespaces.#connect(number);
    } catch (error) {
      namespaces[Symbol.dispose]();
      const said = (error as { stderr?: Buffer }).stderr ?? error;
      skipTest(test, `this user cannot make network namespaces here: ${String(said).trim()}`);
      throw error;
    }
    return namespaces;
  }

  /** Address of the relays' end of a connection. */
  relayAddress(number: number): string {
    return `10.213.${number}.1`;
  }

  run(...args: readonly string[]): void {
    execFileSync(this.#ip, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** The dialer's device of a connection goes up or down. */
  setLink(number: number, state: 'up' | 'down'): void {
    this.run('-n', this.dialer, 'link', 'set', `d${number}`, state);
  }

  /** The dialer has another address on a connection from now on, and the old one no longer. */
  moveDialer(number: number, from: number, to: number): void {
    this.run('-n', this.dialer, 'addr', 'del', `10.213.${number}.${from}/24`, 'dev', `d${number}`);
    this.run('-n', this.dialer, 'addr', 'add', `10.213.${number}.${to}/24`, 'dev', `d${number}`);
  }

  /** A Node program in one of the namespaces, with the process id of the program itself. */
  start(name: string, args: readonly string[], options: ProcessOptions): TestProcess {
    return startProcess('netns', ['exec', name, process.execPath, ...args], { ...options, command: this.#ip });
  }

  [Symbol.dispose](): void {
    for (const name of [this.dialer, this.relays]) {
      try {
        this.run('netns', 'del', name);
      } catch {
        // It was never made.
      }
    }
  }

  #connect(number: number): void {
    const [relay, dialer] = [`r${number}`, `d${number}`];
    this.run('-n', this.relays, 'link', 'add', relay, 'type', 'veth', 'peer', 'name', dialer, 'netns', this.dialer);
    this.run('-n', this.relays, 'addr', 'add', `${this.relayAddress(number)}/24`, 'dev', relay);
    this.run('-n', this.dialer, 'addr', 'add', `10.213.${number}.2/24`, 'dev', dialer);
    this.run('-n', this.relays, 'link', 'set', relay, 'up');
    this.run('-n', this.dialer, 'link', 'set', dialer, 'up');
  }
}
