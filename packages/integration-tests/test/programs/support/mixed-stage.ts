import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SkippableTest, startEchoServer, stopAllProcesses, type TestServer } from '@sealane/testkit';
import { WebSocketServer } from 'ws';
import { H2Backend } from './h2-backend.js';
import { HttpBackend } from './http-backend.js';
import { startPostgres } from './postgres-server.js';
import { startRedis } from './redis-server.js';
import { SshServer } from './ssh-server.js';
import { type Tunnel, Tunnels } from './tunnels.js';
import { serveWebSocketEcho } from './websocket-echo.js';

/** One backend of each kind, each behind one pair of expose and connect, all of one owner and at one relay. */
export class MixedStage implements AsyncDisposable {
  readonly directory: string;
  readonly tunnels: Tunnels;
  readonly ssh: SshServer;
  readonly to: Readonly<Record<'http' | 'h2' | 'echo' | 'redis' | 'postgres' | 'ssh', Tunnel>>;
  readonly #backends: readonly AsyncDisposable[];

  private constructor(
    directory: string,
    tunnels: Tunnels,
    ssh: SshServer,
    to: MixedStage['to'],
    backends: readonly AsyncDisposable[],
  ) {
    this.directory = directory;
    this.tunnels = tunnels;
    this.ssh = ssh;
    this.to = to;
    this.#backends = backends;
  }

  /** Skips the test where a server is not installed. */
  static async create(test: SkippableTest): Promise<MixedStage> {
    const directory = mkdtempSync(join(tmpdir(), 'sealane-mixed-'));
    const ssh = await SshServer.start(test, directory);
    const redis = await startRedis(test, directory);
    const postgres = await startPostgres(test, directory);
    const http = await HttpBackend.start();
    serveWebSocketEcho(new WebSocketServer({ server: http.server }));
    const h2 = await H2Backend.start();
    const echo: TestServer = await startEchoServer();
    const tunnels = await Tunnels.create();
    const open = ({ port }: { readonly port: number }): Promise<Tunnel> => tunnels.open(port);
    const to = {
      http: await open(http),
      h2: await open(h2),
      echo: await open(echo),
      redis: await open(redis),
      postgres: await open(postgres),
      ssh: await open(ssh),
    };
    return new MixedStage(directory, tunnels, ssh, to, [http, h2, echo, ssh]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tunnels[Symbol.asyncDispose]();
    for (const backend of this.#backends) await backend[Symbol.asyncDispose]();
    await stopAllProcesses();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
