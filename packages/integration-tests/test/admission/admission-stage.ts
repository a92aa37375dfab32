import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { RelayClient, type RelayClientOptions, type StatusEvent } from '@sealane/client';
import { loadCrypto } from '@sealane/crypto';
import { generateEnrolmentToken, hashEnrolmentToken } from '@sealane/crypto/admission';
import { Credential } from '@sealane/crypto/credential';
import type { RelayEvent, RelayServerOptions } from '@sealane/server';
import { type AdmissionPolicyOptions, createAdmissionPolicy, type TokenStore } from '@sealane/server/policy';
import { expect, vi } from 'vitest';
import { ClientStack, exchange, type StackRelay } from '../support/client-stack.js';

/** A relay with a policy, and clients with identities of their own. */
export class AdmissionStage extends ClientStack {
  readonly events: RelayEvent[] = [];

  async admitting(policy: AdmissionPolicyOptions, options: Partial<RelayServerOptions> = {}): Promise<StackRelay> {
    await loadCrypto();
    return await this.relay({
      policy: createAdmissionPolicy(policy),
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  /** A client that does not wait for its first link: that may be refused. */
  async lazy(url: string, options: RelayClientOptions = {}): Promise<RelayClient> {
    const client = await RelayClient.create(url, options);
    this.onClose(() => client.close({ deadlineMs: 0 }));
    return client;
  }

  /** An owner of the identity with an echo, and what it was told. */
  async owner(url: string, credential: Credential, options: RelayClientOptions = {}, listen = {}) {
    const told: StatusEvent[] = [];
    const owner = await this.echoOwner(url, listen, { credential, onStatus: (event) => told.push(event), ...options });
    owner.listener.closed.catch(() => undefined);
    return { ...owner, told };
  }

  /** A way to the relay from another address of this machine, whose requests carry X-Forwarded-For. */
  async via(url: string, localAddress: string, forwarded?: string): Promise<string> {
    const sockets = new Set<Socket>();
    const proxy = createTcpServer((client) => {
      const relay = connect({ host: '127.0.0.1', port: Number(new URL(url).port), localAddress });
      for (const socket of [client, relay]) {
        sockets.add(socket);
        socket.on('error', () => socket.destroy());
      }
      client.once('data', (head: Buffer) => {
        const header = forwarded === undefined ? '' : `\r\nX-Forwarded-For: ${forwarded}`;
        relay.write(
          head.toString('latin1').replace(/\r\n/, () => `${header}\r\n`),
          'latin1',
        );
        client.pipe(relay).pipe(client);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    this.onClose(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });
    return `ws://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  }

  /** Answers of an HTTP service, and what it was asked. */
  async callout(answer: (question: Question) => unknown): Promise<Callout> {
    const asked: Question[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        const question = { ...(JSON.parse(body) as Question), authorization: request.headers.authorization };
        asked.push(question);
        void Promise.resolve(answer(question)).then((value) => {
          if (typeof value === 'number') response.writeHead(value).end();
          else response.end(typeof value === 'string' ? value : JSON.stringify(value));
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.onClose(() => {
      server.closeAllConnections();
      server.close();
    });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/admit`, asked, server };
  }
}

export interface Question {
  readonly version: number;
  readonly use: string;
  readonly id: string;
  readonly service: string;
  readonly name: string | null;
  readonly address: string | null;
  readonly authorization?: string | undefined;
}

export interface Callout {
  readonly url: string;
  readonly asked: Question[];
  readonly server: Server;
}

/** Bytes go to the owner and come back, over a connection made now. */
export async function reaches(dialer: RelayClient, ownerId: string): Promise<void> {
  const bytes = Buffer.from('through the relay');
  const echoed = await exchange(await dialer.openStream(ownerId), bytes);
  expect(Buffer.compare(echoed, bytes)).toBe(0);
}

export function refusal(code: string, message?: RegExp): unknown {
  return expect.objectContaining({
    code,
    ...(message === undefined ? {} : { message: expect.stringMatching(message) }),
  });
}

/** Waits, for as long as a loaded machine may take. */
export async function until(condition: () => unknown): Promise<void> {
  await vi.waitFor(() => expect(condition(), String(condition)).toBeTruthy(), { timeout: 20_000, interval: 20 });
}

/** A token that the store knows by its hash alone. */
export async function addToken(
  store: TokenStore,
  terms: { readonly uses?: number | null; readonly expiresAtMs?: number | null } = {},
): Promise<{ readonly id: string; readonly bytes: Uint8Array }> {
  await loadCrypto();
  const token = generateEnrolmentToken();
  const { uses = null, expiresAtMs = null } = terms;
  await store.add({ id: token.id, hash: hashEnrolmentToken(token), uses, expiresAtMs, note: '' });
  return token;
}

export async function identities<const N extends number>(count: N): Promise<Credential[]> {
  await loadCrypto();
  return await Promise.all(Array.from({ length: count }, () => Credential.create()));
}
