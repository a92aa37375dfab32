import { type ProcessEvent, runProcess, startProcess, type TestProcess } from '@sealane/testkit';
import { relayFile, TestUser } from './programs.js';

export interface Exposed {
  readonly process: TestProcess;
  readonly ready: ProcessEvent;
  readonly address: string;
}

export interface Connected {
  readonly process: TestProcess;
  /** 0 on a unix socket. */
  readonly port: number;
}

/** A relay, an owner and a dialer, each with files of their own, as real processes. */
export class World implements AsyncDisposable {
  readonly owner: TestUser;
  readonly dialer: TestUser;
  readonly ownerId: string;
  readonly dialerId: string;
  readonly relayId: string;
  readonly relayPort: number;
  relay: TestProcess;
  #relayArgs: readonly string[];
  readonly #users: TestUser[];

  private constructor(
    users: readonly [TestUser, TestUser],
    ids: readonly [string, string],
    relay: TestProcess,
    listening: ProcessEvent,
    relayArgs: readonly string[],
  ) {
    [this.owner, this.dialer] = users;
    [this.ownerId, this.dialerId] = ids;
    this.relay = relay;
    this.relayId = String(listening['id']);
    this.relayPort = Number(new URL(String(listening['url'])).port);
    this.#relayArgs = relayArgs;
    this.#users = [...users];
  }

  static async create(relayArgs: readonly string[] = []): Promise<World> {
    const users = [await TestUser.create(), await TestUser.create()] as const;
    const ids = [await users[0].id(), await users[1].id()] as const;
    const relay = startRelay(users[0].file('relay'), 0, relayArgs);
    return new World(users, ids, relay, await relay.waitFor('listening'), relayArgs);
  }

  get relayUrl(): string {
    return `ws://127.0.0.1:${this.relayPort}`;
  }

  /** A further user, removed with the world. */
  async user(): Promise<TestUser> {
    const user = await TestUser.create();
    this.#users.push(user);
    return user;
  }

  startExpose(target: string, args: readonly string[] = [], user: TestUser = this.owner): TestProcess {
    const relay = args.includes('--relay') ? [] : ['--relay', this.relayUrl];
    return user.start(['expose', target, ...relay, '--json', ...args]);
  }

  /** Exposes to the dialer unless the arguments say who may connect. */
  async expose(target: string | number, args: readonly string[] = [], user: TestUser = this.owner): Promise<Exposed> {
    const allow = args.some((arg) => arg.startsWith('--allow')) ? [] : ['--allow', this.dialerId];
    const process = this.startExpose(String(target), [...allow, ...args], user);
    const ready = await process.waitFor('ready');
    return { process, ready, address: String(ready['address']) };
  }

  startConnect(address: string, args: readonly string[] = [], user: TestUser = this.dialer): TestProcess {
    const where = args.includes('--listen') || args.includes('--stdio') ? [] : ['--listen', '127.0.0.1:0'];
    return user.start(['connect', address, ...where, '--json', ...args], {
      events: args.includes('--stdio') ? 'stderr' : 'stdout',
    });
  }

  async connect(address: string, args: readonly string[] = [], user: TestUser = this.dialer): Promise<Connected> {
    const process = this.startConnect(address, args, user);
    const listening = await process.waitFor('listening');
    return { process, port: Number(/:(\d+)$/.exec(String(listening['address']))?.[1] ?? 0) };
  }

  /** Ends the relay as a crash does. */
  async killRelay(): Promise<void> {
    await this.relay.kill();
  }

  /** Starts it again with the same identity at the same address. */
  async restartRelay(): Promise<void> {
    this.relay = startRelay(this.owner.file('relay'), this.relayPort, this.#relayArgs);
    await this.relay.waitFor('listening');
  }

  /** A command of the relay's program. */
  relayCommand(args: readonly string[]): ReturnType<typeof runProcess> {
    return runProcess(relayFile, args);
  }

  /** Starts it again with other arguments. */
  async replaceRelay(args: readonly string[]): Promise<void> {
    await this.relay.stop();
    this.#relayArgs = args;
    await this.restartRelay();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async dispose(): Promise<void> {
    await this.relay.kill();
    await Promise.all(this.#users.map((user) => user.dispose()));
  }
}

export function startRelay(dataDirectory: string, port: number, args: readonly string[] = []): TestProcess {
  const listen = ['--listen', `127.0.0.1:${port}`, '--data-dir', dataDirectory, '--json'];
  return startProcess(relayFile, [...listen, ...args], {
    label: 'sealane-relay',
  });
}
