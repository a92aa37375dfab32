import type { RelayServer } from '@sealane/server';
import type { RelayDatabase } from '../database/relay-database.js';
import type { Output } from '../output.js';
import type { RelayControl } from '../relay-control.js';
import type { Configuration } from '../settings/configuration.js';
import type { AccessTokens } from './access-tokens.js';
import type { EventFeed } from './event-feed.js';

/** What the admin listener is made of. */
export interface AdminParts {
  readonly relay: RelayServer;
  /** Where clients reach the relay. */
  readonly url: string;
  readonly version: string;
  readonly dataDir: string;
  readonly configuration: Configuration;
  readonly database: RelayDatabase;
  readonly output: Output;
  /** What operators do. */
  readonly control: RelayControl;
  readonly feed: EventFeed;
}

/** What its routes look at and act on. */
export interface RouteParts extends AdminParts {
  readonly tokens: AccessTokens;
}
