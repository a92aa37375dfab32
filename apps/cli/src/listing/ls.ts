import { once } from 'node:events';
import { RelayClient, type RelayClientOptions } from '@sealane/client';
import { loadCrypto } from '@sealane/crypto';
import type { LsOptions } from '../commands/ls.js';
import { loadAuthority, loadToken, resolveRelays } from '../config/context.js';
import { watchIdentity } from '../config/identity.js';
import { usageError } from '../output/error-line.js';
import { exitAfterFlush } from '../output/exit.js';
import { encodeJsonLine } from '../output/sanitize.js';
import { createShutdown } from '../tunnel/shutdown.js';
import { describeService, tableHead, toListedService } from './describe-lease.js';

/** Lists what is public at a relay, as fast as it is read; under a throw-away identity unless another one is to be shown. */
export async function runLs(options: LsOptions): Promise<void> {
  const [url = ''] = await resolveRelays(options.relay);
  const ca = await loadAuthority(options.ca);
  const shown = await shownIdentity(options);
  const { signal } = createShutdown(0);
  try {
    await using client = await RelayClient.connect(url, { signal, ...shown, ...(ca === undefined ? {} : { ca }) });
    let count = 0;
    for await (const lease of client.listPublic({ signal })) {
      const { relayId } = client;
      const listed = toListedService(lease, { url: client.url, ...(relayId === undefined ? {} : { relayId }) });
      if (options.json !== true && count === 0) await write(tableHead, signal);
      await write(options.json === true ? encodeJsonLine(listed) : describeService(listed), signal);
      count += 1;
    }
    if (count === 0 && options.json !== true) process.stderr.write('nothing is public at this relay\n');
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  await exitAfterFlush(0);
}

async function shownIdentity(options: LsOptions): Promise<RelayClientOptions> {
  if (options.identify !== true) {
    if (options.identity !== undefined || options.token !== undefined) {
      throw usageError('--identity and --token are shown to the relay with --identify alone');
    }
    return {};
  }
  await loadCrypto();
  const token = await loadToken(options.token);
  const { source } = await watchIdentity(options.identity);
  return { credential: source, identify: true, ...(token === undefined ? {} : { token }) };
}

/** However much a relay lists, no more of it is held than its reader takes. */
async function write(text: string, signal: AbortSignal): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain', { signal });
}
