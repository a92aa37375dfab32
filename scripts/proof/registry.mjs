import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * An npm registry in memory, as far as publishing and installing need one: packuments, tarballs with their integrity,
 * tokens, and versions that cannot be published twice. What it does not have is elsewhere: it redirects to `upstream`.
 */
export class ProofRegistry {
  token = 'token-of-the-proof';
  /** Every accepted publication, `name@version`, in order. */
  published = [];
  /** Packages whose next publication fails, as if the registry had trouble. */
  failing = new Set();
  /** Audiences for which an identity token was asked, as a workflow's publisher does for provenance. */
  audiences = [];
  #packages = new Map();
  #tarballs = new Map();
  #upstream;
  #server = createServer((request, response) => {
    void this.#answer(request)
      .catch((error) => [500, { error: String(error.stack) }])
      .then(([status, body, headers = {}]) => {
        const isBytes = Buffer.isBuffer(body);
        response.writeHead(status, {
          'content-type': isBytes ? 'application/octet-stream' : 'application/json',
          ...headers,
        });
        response.end(isBytes ? body : JSON.stringify(body));
      });
  });

  constructor(upstream) {
    this.#upstream = upstream.replace(/\/$/, '');
  }

  async listen() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  get host() {
    return `127.0.0.1:${this.#server.address().port}`;
  }

  get url() {
    return `http://${this.host}/`;
  }

  /** The published manifest, or undefined. */
  manifest(name, version) {
    return this.#packages.get(name)?.versions[version];
  }

  async #answer(request) {
    const url = new URL(request.url, this.url);
    const path = decodeURIComponent(url.pathname.slice(1));
    if (path === 'identity-token') {
      this.audiences.push(url.searchParams.get('audience'));
      return [403, { error: 'no identity here' }];
    }
    if (request.method === 'PUT') return this.#publish(request, path);
    if (this.#tarballs.has(path)) return [200, this.#tarballs.get(path)];
    const packument = this.#packages.get(path);
    if (packument !== undefined) return [200, packument];
    if (/^(sealane$|@sealane\/)/.test(path)) return [404, { error: 'not found' }];
    return [302, {}, { location: `${this.#upstream}${request.url}` }];
  }

  async #publish(request, name) {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    if (request.headers.authorization !== `Bearer ${this.token}`) return [401, { error: 'unauthorized' }];
    if (this.failing.delete(name)) return [503, { error: 'the registry has trouble' }];
    const [[version, manifest]] = Object.entries(body.versions);
    if (this.manifest(name, version) !== undefined) return [403, { error: 'cannot publish over a published version' }];
    const [[file, attachment]] = Object.entries(body._attachments);
    const tarball = Buffer.from(attachment.data, 'base64');
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    if (integrity !== manifest.dist.integrity) return [400, { error: 'the tarball is not the one of its integrity' }];
    const path = `${name}/-/${file}`;
    this.#tarballs.set(path, tarball);
    manifest.dist.tarball = `${this.url}${path}`;
    const before = this.#packages.get(name);
    this.#packages.set(name, {
      _id: name,
      name,
      'dist-tags': { ...before?.['dist-tags'], ...body['dist-tags'] },
      versions: { ...before?.versions, [version]: manifest },
      access: body.access,
    });
    this.published.push(`${name}@${version}`);
    return [201, { ok: true }];
  }
}
