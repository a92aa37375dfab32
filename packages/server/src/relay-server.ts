import type { Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type {
  RelayAddress,
  RelayAttachOptions,
  RelayListenOptions,
  RelayServerOptions,
  RelayStatistics,
} from './options.js';

/** A relay (v1.md, "Client and relay"). */
export class RelayServer implements AsyncDisposable {
  readonly id: string = '';

  static async create(_options: RelayServerOptions): Promise<RelayServer> {
    return new RelayServer();
  }

  attach(_server: Server | SecureServer, _options: RelayAttachOptions = {}): void {}

  async listen(_options: RelayListenOptions): Promise<RelayAddress> {
    throw new Error('not yet');
  }

  statistics(): RelayStatistics {
    throw new Error('not yet');
  }

  async drain(_options: { readonly deadlineMs?: number } = {}): Promise<void> {}

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
