// The page for phones as static files: bundled by esbuild, with the strictest policy that works.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseRelayUrl } from '@sealane/client';
import { build } from 'esbuild';

const file = (/** @type {string} */ name) => fileURLToPath(new URL(`page/${name}`, import.meta.url));

/**
 * @param {string} relayUrl the one relay that the page may talk to
 * @returns {Promise<{ policy: string, files: Record<string, { type: string, body: string | Uint8Array }> }>}
 */
export async function buildPage(relayUrl) {
  const policy = [
    "default-src 'none'",
    // libsodium is WebAssembly: without the second word nothing starts.
    "script-src 'self' 'wasm-unsafe-eval'",
    `connect-src ${new URL(parseRelayUrl(relayUrl).url).origin}`,
    "style-src 'self'",
    // The phone's own photos, as it sends them.
    'img-src blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const bundle = await build({
    entryPoints: [file('page.js')],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    // libsodium asks for it where a browser's own generator is missing.
    external: ['node:crypto'],
    logLevel: 'warning',
  });
  const html = await readFile(file('index.html'), 'utf8');
  return {
    policy,
    files: {
      // In the page itself too, so that any web host will do.
      'index.html': { type: 'text/html; charset=utf-8', body: html.replace('POLICY', () => policy) },
      'page.css': { type: 'text/css; charset=utf-8', body: await readFile(file('page.css')) },
      'page.js': { type: 'text/javascript; charset=utf-8', body: bundle.outputFiles[0]?.contents ?? '' },
    },
  };
}
