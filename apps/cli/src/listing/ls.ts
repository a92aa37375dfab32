import { once } from 'node:events';
import { RelayClient } from '@sealane/client';
import type { LsOptions } from '../commands/ls.js';
import { loadAuthority, resolveRelays } from '../config/context.js';
import { exitAfterFlush } from '../output/exit.js';
import { encodeJsonLine } from '../output/sanitize.js';
import { createShutdown } from '../tunnel/shutdown.js';
import { describeService, tableHead, toListedService } from './describe-lease.js';

/** Lists what is public at a relay, under a throw-away identity, as fast as it is read. */
export async function runLs(options: LsOptions): Promise<void> {
  const [url = ''] = await resolveRelays(options.relay);
  const ca = await loadAuthority(options.ca);
  const { signal } = createShutdown(0);
  try {
    await using client = await RelayClient.connect(url, { signal, ...(ca === undefined ? {} : { ca }) });
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

/** However much a relay lists, no more of it is held than its reader takes. */
async function write(text: string, signal: AbortSignal): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain', { signal });
}
