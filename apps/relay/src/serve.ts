import { loadCrypto } from '@sealane/crypto';
import { spaceOutCollections } from '@sealane/mux/node';
import { loadServerIdentity, parseReservedName, RelayServer, type ServerIdentity } from '@sealane/server';
import { isSealaneError, SealaneError } from '@sealane/types';
import { forgetAdminUrl } from './admin/admin-files.js';
import { EventFeed } from './admin/event-feed.js';
import { type Admin, startAdmin } from './admin/start-admin.js';
import { isRestricted } from './admission/admission-rules.js';
import { LiveAdmission } from './admission/live-admission.js';
import { applySettings, limitsOf, logSettingsOf } from './apply-settings.js';
import { DatabaseBanStore } from './ban-store.js';
import { collectGrowth } from './collect-growth.js';
import { RelayDatabase } from './database/relay-database.js';
import { describeError, usageError } from './error-line.js';
import { isLoopback, type ListenAddress, parseAdminAddress, parseListenAddress } from './listen-address.js';
import { DatabaseNameJournal } from './name-journal.js';
import { LogSink } from './observability/log-sink.js';
import { observabilityRoutes } from './observability/observability-routes.js';
import { ProcessMeter } from './observability/process-meter.js';
import { RelayLog } from './observability/relay-log.js';
import { Output } from './output.js';
import { readVersion } from './read-version.js';
import { RelayControl } from './relay-control.js';
import { adminSettings } from './settings/admin-settings.js';
import { admissionSettings } from './settings/admission-settings.js';
import { formatProblem } from './settings/config-problem.js';
import type { Configuration } from './settings/configuration.js';
import { limitSettings } from './settings/limit-settings.js';
import { observabilitySettings } from './settings/observability-settings.js';
import { policySettings } from './settings/policy-settings.js';
import { programSettings } from './settings/program-settings.js';
import type { GetSetting } from './settings/setting.js';
import { StopSignals } from './stop-signals.js';
import { DatabaseTicketUseStore } from './ticket-use-store.js';

/**
 * Serves until SIGTERM or SIGINT; reads the settings again at SIGHUP.
 * @throws ERR_NOT_LOOPBACK, ERR_DATA_DIR*, ERR_KEY_FILE_*, ERR_DATABASE*, ERR_CONFIG, ERR_LISTEN, ERR_ARGUMENT
 */
export async function serve(configuration: Configuration): Promise<void> {
  spaceOutCollections();
  collectGrowth();
  const address = listenAddressOf(configuration);
  const dataDir = required(configuration.get(programSettings.dataDir), '--data-dir DIR', 'dataDir');
  const sink = LogSink.open(configuration.get(observabilitySettings.logFile), ({ message }) =>
    output.warning('LOG', `the log is not written: ${message}`),
  );
  const log = await RelayLog.open({ ...logSettingsOf(configuration), sink });
  const output = new Output({ json: configuration.get(programSettings.json), log });
  const identity = await loadServerIdentity(dataDir);
  try {
    const database = await RelayDatabase.open(dataDir);
    try {
      configuration.attach(database.settings);
      log.change(logSettingsOf(configuration));
      // Settings of the run time may have taken away what guarded it.
      assertGuarded(address.host, (setting) => configuration.get(setting));
      await serveAs(identity, address, { dataDir, configuration, database, output, log });
    } finally {
      await database.close();
    }
  } finally {
    await identity.release();
    await log.close();
  }
}

const HOUSEKEEPING_MS = 60_000;

interface Process {
  readonly dataDir: string;
  readonly configuration: Configuration;
  readonly database: RelayDatabase;
  readonly output: Output;
  readonly log: RelayLog;
}

async function serveAs(identity: ServerIdentity, address: ListenAddress, parts: Process): Promise<void> {
  const { configuration, database, output, log, dataDir } = parts;
  const { limits, lowFiles } = limitsOf(configuration);
  const authorities = configuration.get(programSettings.authorities);
  database.audit.maxEntries = configuration.get(programSettings.auditMaxEntries);
  database.audit.onFault = (error) => output.warning('AUDIT', `the audit log is not written: ${describeError(error)}`);
  await loadCrypto();
  const admission = new LiveAdmission((setting) => configuration.get(setting), parts);
  admission.tokens.onEnrolled = (identity, token) => {
    database.audit.record({ actor: identity, action: 'enrol', subject: identity, details: { token } });
  };
  const feed = new EventFeed();
  const relay = await RelayServer.create({
    identity: identity.identity,
    nodeKey: identity.nodeKey,
    nodeEpoch: identity.nodeEpoch,
    authorities,
    listing: configuration.get(programSettings.listing),
    trustedProxies: configuration.get(policySettings.trustedProxies),
    exemptLoopback: configuration.get(policySettings.exemptLoopback),
    reservedNames: configuration.get(policySettings.reservedNames).map(parseReservedName),
    banStore: new DatabaseBanStore(database),
    names: new DatabaseNameJournal(database, (message) => output.warning('NAMES', `names are not kept: ${message}`)),
    limits,
    policy: admission.policy,
    ticketUses: new DatabaseTicketUseStore(database, (message) =>
      output.trouble('TICKETS', `uses of tickets are not counted: ${message}`),
    ),
    onEvent: (event) => {
      if (event.type === 'pending') admission.approvals.note(event.id, event.service, event.name);
      output.relay(event);
      feed.relay(event);
    },
  });
  const control = new RelayControl({ relay, admission, configuration, database, dataDir });
  const signals = new StopSignals();
  const stopPreparing = configuration.onPrepare((get, changed) => {
    assertGuarded(address.host, get);
    return changed.some((path) => /^(admission|callout)\./.test(path)) ? admission.prepare(get) : undefined;
  });
  const stopListening = configuration.onChange((change) =>
    applySettings(change, configuration, { relay, database, log }),
  );
  const onHangUp = (): void => void reload(control, parts);
  let admin: Admin | undefined;
  let meter: ProcessMeter | undefined;
  const housekeeping = setInterval(() => tidyUp(parts, admission), HOUSEKEEPING_MS);
  // What ran out while no relay was there is told, too.
  tidyUp(parts, admission);
  try {
    const { url } = await relay.listen({
      ...address,
      proxyProtocol: configuration.get(policySettings.proxyProtocol),
    });
    process.on('SIGHUP', onHangUp);
    const adminAddress = configuration.get(adminSettings.listen);
    forgetAdminUrl(dataDir);
    if (adminAddress !== undefined) {
      const version = readVersion();
      meter = new ProcessMeter();
      const watched = observabilityRoutes({ relay, meter, configuration, version });
      admin = await startAdmin(
        parseAdminAddress(adminAddress),
        { ...parts, relay, control, feed, url, version },
        watched,
      );
    }
    output.listening({ url, id: relay.id, admin: admin?.url });
    if (lowFiles !== undefined) {
      output.warning(
        'OPEN_FILES',
        `the system lets this process open ${lowFiles} files, so at most ${limits.maxSockets} sockets; raise it with ulimit -n`,
      );
    }
    if (authorities.length === 0) {
      output.warning('ANY_AUTHORITY', 'without --authority the relay answers to any address that clients dial');
    }
    for (const problem of configuration.ignored) output.warning('SETTING_IGNORED', formatProblem(problem));
    await signals.first;
    output.stopping();
    const second = signals.second.then(() => 'at once' as const);
    const drained = relay.drain({ deadlineMs: configuration.get(limitSettings.drainMs) }).then(() => relay.close());
    if ((await Promise.race([second, drained])) === 'at once') process.exit(0);
  } finally {
    process.off('SIGHUP', onHangUp);
    clearInterval(housekeeping);
    stopListening();
    stopPreparing();
    admission.stop();
    await relay.close();
    await admin?.close();
    meter?.close();
    output.flush();
  }
}

/** Reads file and stored settings again; whatever is wrong with them changes nothing and is told. */
async function reload(control: RelayControl, { configuration, output, log }: Process): Promise<void> {
  log.reopen();
  try {
    output.reloaded(await control.reload('SIGHUP'));
    for (const problem of configuration.ignored) output.warning('SETTING_IGNORED', formatProblem(problem));
  } catch (error) {
    const code = isSealaneError(error) ? error.code : 'ERR_INTERNAL';
    output.reloadFailed(code, error instanceof Error ? error.message : String(error));
  }
}

function tidyUp({ configuration, database, output }: Process, admission: LiveAdmission): void {
  try {
    const briefMs = configuration.get(admissionSettings.briefEnrolmentMs);
    admission.tokens.forget(database.prune(briefMs === 0 ? undefined : briefMs));
  } catch (error) {
    output.warning('DATABASE', `what has run out is not forgotten: ${describeError(error)}`);
  }
}

/** @throws ERR_ARGUMENT, ERR_NOT_LOOPBACK */
function listenAddressOf(configuration: Configuration): ListenAddress {
  const text = required(configuration.get(programSettings.listen), '--listen HOST:PORT', 'listen');
  const address = parseListenAddress(text);
  assertGuarded(address.host, (setting) => configuration.get(setting));
  return address;
}

/** @throws ERR_NOT_LOOPBACK */
function assertGuarded(host: string, get: GetSetting): void {
  if (get(programSettings.open) || isRestricted(get) || isLoopback(host)) return;
  throw new SealaneError(
    'ERR_NOT_LOOPBACK',
    `anybody who reaches ${host} could use this relay; say --open if that is wanted, or who may with --admit, or listen on 127.0.0.1`,
  );
}

function required(value: string | undefined, flag: string, path: string): string {
  if (value !== undefined) return value;
  throw usageError(`"${path}" is not set; give ${flag}, or set it in the file or the environment; see --help`);
}
