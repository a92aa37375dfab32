import type { RelayServer } from '@sealane/server';
import type { RelayDatabase } from '../database/relay-database.js';
import type { Output } from '../output.js';
import type { RelayControl } from '../relay-control.js';
import type { Configuration } from '../settings/configuration.js';

/** What the routes of the admin listener look at and act on. */
export interface AdminParts {
  readonly relay: RelayServer;
  /** What operators change goes through it: it acts, keeps and writes the audit log. */
  readonly control: RelayControl;
  /** Where clients reach the relay. */
  readonly url: string;
  readonly version: string;
  readonly dataDir: string;
  readonly configuration: Configuration;
  readonly database: RelayDatabase;
  readonly output: Output;
}
