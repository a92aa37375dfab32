import { parseReservedName, type RelayLimits, type RelayServer } from '@sealane/server';
import type { RelayDatabase } from './database/relay-database.js';
import type { RelayLog, RelayLogOptions } from './observability/relay-log.js';
import { limitsForOpenFiles, maxOpenFiles } from './open-files.js';
import type { Configuration, SettingsChange } from './settings/configuration.js';
import { limitSettings } from './settings/limit-settings.js';
import { observabilitySettings } from './settings/observability-settings.js';
import { policySettings } from './settings/policy-settings.js';
import { programSettings } from './settings/program-settings.js';

export interface EffectiveLimits {
  readonly limits: RelayLimits;
  /** The number of files that the system lets the process open, where that makes limits lower than they are set. */
  readonly lowFiles: number | undefined;
}

/** The limits that are set, lowered to what the system lets this process open. */
export function limitsOf(configuration: Configuration, files: number | undefined = maxOpenFiles()): EffectiveLimits {
  const entries = Object.entries(limitSettings).map(([name, setting]) => [name, configuration.get(setting)]);
  const limits = Object.fromEntries(entries) as RelayLimits;
  const lower = limitsForOpenFiles(files);
  if (lower === undefined || lower.maxSockets >= limits.maxSockets) return { limits, lowFiles: undefined };
  const maxUnauthenticated = Math.min(limits.maxUnauthenticated, lower.maxUnauthenticated);
  return { limits: { ...limits, maxSockets: lower.maxSockets, maxUnauthenticated }, lowFiles: files };
}

export function logSettingsOf(configuration: Configuration): Pick<RelayLogOptions, 'level' | 'ids'> {
  const { logLevel, logIds } = observabilitySettings;
  return { level: configuration.get(logLevel), ids: configuration.get(logIds) };
}

/** What changes while the process runs, and only that. */
export interface LiveParts {
  readonly relay: RelayServer;
  readonly database: RelayDatabase;
  readonly log?: RelayLog;
}

/**
 * Makes changed settings hold, without touching what is open beyond what they say. The one place where a setting that
 * applies `live` or `new` reaches its part of the process: whoever adds one adds a line here.
 */
export function applySettings({ changed }: SettingsChange, configuration: Configuration, parts: LiveParts): void {
  if (changed.some((path) => path.startsWith('limits.'))) parts.relay.setLimits(limitsOf(configuration).limits);
  if (changed.includes(policySettings.trustedProxies.path)) {
    parts.relay.setTrustedProxies(configuration.get(policySettings.trustedProxies));
  }
  if (changed.includes(policySettings.reservedNames.path)) {
    parts.relay.setReservedNames(configuration.get(policySettings.reservedNames).map(parseReservedName));
  }
  parts.log?.change(logSettingsOf(configuration));
  parts.database.audit.maxEntries = configuration.get(programSettings.auditMaxEntries);
}
