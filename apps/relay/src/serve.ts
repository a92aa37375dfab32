import { spaceOutCollections } from '@sealane/mux/node';
import { loadServerIdentity, RelayServer, type ServerIdentity } from '@sealane/server';
import { SealaneError } from '@sealane/types';
import { isLoopback, type ListenAddress } from './listen-address.js';
import { limitsForOpenFiles, maxOpenFiles } from './open-files.js';
import { Output } from './output.js';

export interface ServeOptions extends ListenAddress {
  readonly dataDir: string;
  readonly json: boolean;
  readonly open: boolean;
  readonly authorities: readonly string[];
  readonly drainMs: number;
  readonly listing: boolean;
}

/** Serves until SIGTERM or SIGINT. @throws ERR_NOT_LOOPBACK, ERR_DATA_DIR*, ERR_KEY_FILE_*, ERR_LISTEN, ERR_ARGUMENT */
export async function serve(options: ServeOptions): Promise<void> {
  spaceOutCollections();
  if (!options.open && !isLoopback(options.host)) {
    throw new SealaneError(
      'ERR_NOT_LOOPBACK',
      `anybody who reaches ${options.host} could use this relay; say --open if that is wanted, or listen on 127.0.0.1`,
    );
  }
  const output = new Output({ json: options.json });
  const identity = await loadServerIdentity(options.dataDir);
  try {
    await serveAs(identity, options, output);
  } finally {
    await identity.release();
  }
}

async function serveAs(identity: ServerIdentity, options: ServeOptions, output: Output): Promise<void> {
  const files = maxOpenFiles();
  const limits = limitsForOpenFiles(files);
  const relay = await RelayServer.create({
    identity: identity.identity,
    nodeKey: identity.nodeKey,
    nodeEpoch: identity.nodeEpoch,
    authorities: options.authorities,
    listing: options.listing,
    ...(limits === undefined ? {} : { limits }),
    onEvent: (event) => output.relay(event),
  });
  const signals = new StopSignals();
  try {
    const { url } = await relay.listen({ host: options.host, port: options.port });
    output.listening({ url, id: relay.id });
    if (limits !== undefined) {
      output.warning(
        'OPEN_FILES',
        `the system lets this process open ${files} files, so at most ${limits.maxSockets} sockets; raise it with ulimit -n`,
      );
    }
    if (options.authorities.length === 0) {
      output.warning('ANY_AUTHORITY', 'without --authority the relay answers to any address that clients dial');
    }
    await signals.first;
    output.stopping();
    const second = signals.second.then(() => 'at once' as const);
    const drained = relay.drain({ deadlineMs: options.drainMs }).then(() => relay.close());
    if ((await Promise.race([second, drained])) === 'at once') process.exit(0);
  } finally {
    await relay.close();
    output.flush();
  }
}

/** Listens without a gap: a second signal that met no listener would end the process as if it had crashed. */
class StopSignals {
  readonly first: Promise<void>;
  readonly second: Promise<void>;

  constructor() {
    let onFirst = (): void => undefined;
    let onSecond = (): void => undefined;
    this.first = new Promise((resolve) => {
      onFirst = resolve;
    });
    this.second = new Promise((resolve) => {
      onSecond = resolve;
    });
    let count = 0;
    const onSignal = (): void => {
      count++;
      if (count === 1) onFirst();
      else onSecond();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  }
}
