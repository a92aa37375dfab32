import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCrypto } from '@sealane/crypto';
import type { RelayServer } from '@sealane/server';
import { LiveAdmission } from '../../../../apps/relay/src/admission/live-admission.js';
import { applySettings, limitsOf } from '../../../../apps/relay/src/apply-settings.js';
import { DatabaseBanStore } from '../../../../apps/relay/src/ban-store.js';
import { RelayDatabase } from '../../../../apps/relay/src/database/relay-database.js';
import { Output } from '../../../../apps/relay/src/output.js';
import { RelayControl } from '../../../../apps/relay/src/relay-control.js';
import { Configuration } from '../../../../apps/relay/src/settings/configuration.js';
import { DatabaseTicketUseStore } from '../../../../apps/relay/src/ticket-use-store.js';
import { AdmissionStage } from './admission-stage.js';

export interface OperatedRelay {
  readonly server: RelayServer;
  readonly url: string;
  readonly port: number;
  readonly control: RelayControl;
  readonly database: RelayDatabase;
  readonly configuration: Configuration;
  readonly directory: string;
}

/** A relay of this process with a data directory, and what an operator can do with it. */
export class OperatorStage extends AdmissionStage {
  async operated(settings: Readonly<Record<string, unknown>> = {}, from?: string): Promise<OperatedRelay> {
    await loadCrypto();
    const directory = from ?? (await mkdtemp(join(tmpdir(), 'sealane-operator-')));
    this.onClose(() => rm(directory, { recursive: true, force: true }));
    const database = await RelayDatabase.open(directory);
    this.onClose(() => database.close());
    const flags = Object.entries(settings).map(([path, raw]) => ({ path, raw, flag: '--set' }));
    const configuration = Configuration.load({ flags });
    configuration.attach(database.settings);
    const output = new Output({ json: true, stdout: { writableLength: 0, write: () => true } });
    const admission = new LiveAdmission((setting) => configuration.get(setting), { database, output });
    this.onClose(() => admission.stop());
    const { server, url, port } = await this.relay({
      limits: limitsOf(configuration, undefined).limits,
      policy: admission.policy,
      banStore: new DatabaseBanStore(database),
      ticketUses: new DatabaseTicketUseStore(database, () => undefined),
      exemptLoopback: false,
      onEvent: (event) => {
        if (event.type === 'pending') admission.approvals.note(event.id, event.service, event.name);
        this.events.push(event);
      },
    });
    configuration.onPrepare((get, changed) =>
      changed.some((path) => /^(admission|callout)\./.test(path)) ? admission.prepare(get) : undefined,
    );
    configuration.onChange((change) => applySettings(change, configuration, { relay: server, database }));
    const control = new RelayControl({ relay: server, admission, configuration, database, dataDir: directory });
    return { server, url, port, control, database, configuration, directory };
  }
}
