import type { Agent } from 'node:http';
import { SealaneError } from '@sealane/types';
import type { TransportOptions } from './transport.js';

const proxyVariable = /^(https?|all)_proxy$/i;

/**
 * The agent for a link to `url`: none, or one that tunnels through the proxy of the options or the environment.
 * The packages for it are loaded only when a proxy is configured.
 */
export async function createProxyAgent(
  url: string,
  options: Pick<TransportOptions, 'proxy' | 'ca'>,
): Promise<Agent | undefined> {
  const proxy = await proxyFor(url, options.proxy);
  if (proxy === undefined) return undefined;
  const { HttpsProxyAgent } = await import('https-proxy-agent');
  try {
    return new HttpsProxyAgent(proxy, options.ca === undefined ? {} : { ca: options.ca });
  } catch (cause) {
    throw new SealaneError('ERR_ARGUMENT', 'the proxy is not a URL like http://host:port', { cause });
  }
}

async function proxyFor(url: string, proxy: string | false | undefined): Promise<string | undefined> {
  if (proxy === false) return undefined;
  if (proxy !== undefined) return proxy;
  const isSet = Object.entries(process.env).some(([name, value]) => proxyVariable.test(name) && value);
  if (!isSet) return undefined;
  const { getProxyForUrl } = await import('proxy-from-env');
  const found = getProxyForUrl(url.replace(/^ws/i, 'http'));
  return found === '' ? undefined : found;
}
