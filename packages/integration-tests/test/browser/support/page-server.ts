import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** As strict as a page with Sealane can be. */
const policy = (script: string): string =>
  `default-src 'none'; script-src 'self'${script}; worker-src 'self'; connect-src ws://127.0.0.1:*`;

const html = (script: string): string =>
  `<!doctype html><meta charset="utf-8"><title>test</title><script type="module" src="${script}"></script>`;

/** Serves the bundled test page. Below /no-wasm the policy lacks 'wasm-unsafe-eval'. */
export class PageServer {
  readonly #server: Server;
  readonly #files: Map<string, Uint8Array | string>;

  private constructor(files: Map<string, Uint8Array | string>) {
    this.#files = files;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(): Promise<PageServer> {
    const server = new PageServer(await bundlePages());
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The address of a page that loads `script`. */
  add(script: string): string {
    const path = `/added-${this.#files.size}`;
    this.#files.set(`${path}.js`, script);
    return `${this.url}${path}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url ?? '/', 'http://page').pathname;
    const file = this.#files.get(path);
    response.setHeader('content-security-policy', policy(path === '/no-wasm' ? '' : " 'wasm-unsafe-eval'"));
    response.setHeader('content-type', file === undefined ? 'text/html' : 'text/javascript');
    response.end(file ?? html(this.#files.has(`${path}.js`) ? `${path}.js` : '/page.js'));
  }
}

async function bundlePages(): Promise<Map<string, Uint8Array | string>> {
  const page = (name: string): string => fileURLToPath(new URL(`../page/${name}.ts`, import.meta.url));
  const result = await build({
    entryPoints: ['page', 'worker', 'shared-worker'].map(page),
    outdir: '/',
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    // The client as it is published for browsers.
    conditions: ['browser'],
    // libsodium's own build looks for Node's generator where it finds none of the browser's.
    external: ['node:*'],
    logLevel: 'silent',
  });
  return new Map(result.outputFiles.map(({ path, contents }) => [path, contents]));
}
