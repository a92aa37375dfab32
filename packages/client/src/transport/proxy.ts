import type { Agent } from 'node:http';
import { SealaneError } from '@sealane/types';
import type { TransportOptions } from './transport.js';

const proxyVariable = /^(npm_config_)?(https?|all)?_?proxy$/i;

/** The way to a relay through a proxy. */
export interface ProxyTunnel {
  readonly agent: Agent;
  /** For messages: the proxy's URL without user and password. */
  readonly name: string;
  /** HTTP status with which the proxy answered, undefined before. */
  readonly status: number | undefined;
  /** Ends the connection to the proxy, also one that the request does not have yet. */
  abort(): void;
}

/**
 * The tunnel for a link to `url`: none, or one through the proxy of the options or the environment.
 * The packages for it are loaded only when a proxy is configured. ERR_ARGUMENT for a proxy that is no http(s) URL.
 */
export async function createProxyTunnel(
  url: string,
  options: Pick<TransportOptions, 'proxy' | 'ca'>,
): Promise<ProxyTunnel | undefined> {
  const proxy = await proxyFor(url, options.proxy);
  if (proxy === undefined) return undefined;
  const { host, protocol } = checkedProxy(proxy);
  const { HttpsProxyAgent } = await import('https-proxy-agent');
  const ended = new AbortController();
  const agent = new HttpsProxyAgent(proxy, {
    signal: ended.signal,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  let status: number | undefined;
  agent.on('proxyConnect', (answer: { readonly statusCode: number }) => {
    status = answer.statusCode;
  });
  return {
    agent,
    name: `${protocol}//${host}`,
    get status() {
      return status;
    },
    abort: () => ended.abort(),
  };
}

function checkedProxy(text: string): URL {
  try {
    const url = new URL(text);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  } catch {
    // The text may hold a password, so neither it nor the cause is shown.
  }
  throw new SealaneError('ERR_ARGUMENT', 'the proxy is not a URL like http://host:port; check HTTPS_PROXY');
}

async function proxyFor(url: string, proxy: string | false | undefined): Promise<string | undefined> {
  if (proxy === false) return undefined;
  if (proxy !== undefined) return proxy;
  const set = Object.entries(process.env).filter(([name, value]) => proxyVariable.test(name) && value);
  // What is on this machine is never behind a proxy, as with curl's successors and browsers.
  if (set.length === 0 || isLoopback(new URL(url).hostname)) return undefined;
  const { getProxyForUrl } = await import('proxy-from-env');
  // Both kinds of links go by CONNECT, so the proxy for https serves ws:// too where there is none for http.
  const [, rest = ''] = url.split(/^wss?:/i);
  const found = (/^ws:/i.test(url) ? getProxyForUrl(`http:${rest}`) : '') || getProxyForUrl(`https:${rest}`);
  if (found === '') return undefined;
  // `HOST:PORT` alone is an http proxy; the package guesses by the target.
  return set.some(([, value]) => value === found) ? found : found.replace(/^https:/, 'http:');
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
