import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DemoOptions } from '../commands/demo.js';
import { usageError } from '../output/error-line.js';
import { exitAfterFlush } from '../output/exit.js';
import { encodeJsonLine } from '../output/sanitize.js';
import { createStyle } from '../output/style.js';
import { untilAborted } from '../tunnel/contact.js';
import { createShutdown } from '../tunnel/shutdown.js';
import { parseListenAddress } from '../tunnel/target.js';
import { DemoStage } from './demo-stage.js';
import { requestRaw } from './raw-request.js';
import { countOccurrences, renderSideBySide } from './side-by-side.js';

/** Runs the whole picture on this machine until a signal. Everything that it starts ends with it. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const listen = parseListenAddress(options.listen);
  if (listen.kind !== 'tcp') throw usageError('the demo page needs --listen HOST:PORT');
  const shutdown = createShutdown(5_000);
  const directory = await mkdtemp(join(tmpdir(), 'sealane-demo-'));
  const stage = new DemoStage(directory);
  try {
    await untilAborted(stage.start(options.listen), shutdown.signal);
    announce(stage, options.json === true);
    await showExchange(stage, options.json === true);
    if (options.once !== true) {
      stage.onVisit = () => {
        if (options.json !== true)
          process.stdout.write(`  page visited; the relay has carried ${stage.carriedBytes} bytes and read none\n`);
      };
      await untilAborted(stage.failed, shutdown.signal);
    }
  } catch (error) {
    if (!shutdown.signal.aborted) throw error;
  } finally {
    await Promise.race([stage.stop(), shutdown.deadline]);
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
  await exitAfterFlush(0);
}

function announce(stage: DemoStage, json: boolean): void {
  const { url, relay, owner, dialer } = stage.cast;
  if (json) {
    process.stdout.write(encodeJsonLine({ event: 'ready', url, relay, owner, dialer, pids: stage.pids }));
    return;
  }
  const style = createStyle(process.stdout);
  const [relayPid, ownerPid, dialerPid] = stage.pids;
  process.stdout.write(
    `${style.bold('Sealane demo')}: three processes on this machine

  relay   process ${relayPid}  ${relay.url}  id ${relay.id}
  owner   process ${ownerPid}  exposes a web page, lets only the dialer in  id ${owner}
  dialer  process ${dialerPid}  id ${dialer}

  ${style.bold(style.green(`Open ${url} in a browser.`))} Ctrl-C ends everything.

`,
  );
}

/** One request of the demo's own, so that there is something to see without a browser. */
async function showExchange(stage: DemoStage, json: boolean): Promise<void> {
  const word = randomBytes(6).toString('hex');
  const marks = stage.markLink();
  const { hostname, port } = new URL(stage.cast.url);
  const { request, response } = await requestRaw(hostname.replace(/^\[|\]$/g, ''), Number(port), `/hello?word=${word}`);
  const { toRelay, fromRelay } = stage.linkSince(marks);
  const found = countOccurrences(toRelay, word) + countOccurrences(fromRelay, word);
  if (json) {
    const hex = (bytes: Buffer) => bytes.subarray(0, 256).toString('hex');
    process.stdout.write(
      encodeJsonLine({
        event: 'exchange',
        user: { request: request.toString(), response: response.toString() },
        relay: {
          requestBytes: toRelay.length,
          requestHex: hex(toRelay),
          responseBytes: fromRelay.length,
          responseHex: hex(fromRelay),
        },
        secretWord: word,
        secretWordFoundByRelay: found,
      }),
    );
    return;
  }
  const view = renderSideBySide(
    [
      { title: 'request', plaintext: request, ciphertext: toRelay },
      { title: 'response', plaintext: response, ciphertext: fromRelay },
    ],
    createStyle(process.stdout),
  );
  process.stdout.write(
    `${view}\n\n  The word ${word} was in both; in what the relay carried it was found ${found} times.\n\n`,
  );
}
