import { usageError } from './error-line.js';
import { adminSettings } from './settings/admin-settings.js';
import { admissionSettings } from './settings/admission-settings.js';
import { Configuration } from './settings/configuration.js';
import { limitSettings } from './settings/limit-settings.js';
import { type FlagSetting, parseAssignment } from './settings/other-sources.js';
import { policySettings } from './settings/policy-settings.js';
import { programSettings } from './settings/program-settings.js';

/** Options of the program that say what a setting is, or where settings are. */
export interface ProgramFlags {
  readonly config?: string;
  readonly set: readonly string[];
  readonly listen?: string;
  readonly dataDir?: string;
  readonly adminListen?: string;
  readonly adminHost: readonly string[];
  readonly json?: true;
  readonly open?: true;
  readonly authority: readonly string[];
  readonly list: boolean;
  readonly drain?: number;
  readonly trustProxy: readonly string[];
  readonly proxyProtocol?: true;
  readonly limitLoopback?: true;
  readonly reserveName: readonly string[];
  /** Each entry as it was given: rules with commas. */
  readonly admit: readonly string[];
  readonly anonymous: boolean;
  readonly allowFile?: string;
  readonly tokenFile?: string;
  readonly approvedFile?: string;
  readonly callout?: string;
  readonly calloutTokenFile?: string;
  readonly calloutTimeout?: number;
  readonly calloutFailure?: string;
}

/** The settings of this command line, without those of the run time. @throws ERR_ARGUMENT, ERR_CONFIG */
export function loadConfiguration(flags: ProgramFlags): Configuration {
  return Configuration.load({
    file: flags.config ?? nonEmpty(process.env['SEALANE_RELAY_CONFIG']),
    environment: process.env,
    flags: settingsOf(flags),
  });
}

/** `--set` first: an option of its own says it more clearly. */
function settingsOf(flags: ProgramFlags): readonly FlagSetting[] {
  const given: FlagSetting[] = flags.set.map((text) => {
    const assignment = parseAssignment(text);
    if (assignment === undefined)
      throw usageError(`--set ${text} is not PATH=VALUE, for example limits.maxSockets=4000`);
    return { ...assignment, flag: '--set' };
  });
  const add = (path: string, flag: string, raw: unknown): void => {
    if (raw !== undefined) given.push({ path, flag, raw });
  };
  add(programSettings.listen.path, '--listen', flags.listen);
  add(programSettings.dataDir.path, '--data-dir', flags.dataDir);
  add(adminSettings.listen.path, '--admin-listen', flags.adminListen);
  add(adminSettings.hosts.path, '--admin-host', flags.adminHost.length === 0 ? undefined : flags.adminHost);
  add(programSettings.json.path, '--json', flags.json);
  add(programSettings.open.path, '--open', flags.open);
  add(programSettings.authorities.path, '--authority', flags.authority.length === 0 ? undefined : flags.authority);
  const { trustedProxies, proxyProtocol, exemptLoopback, reservedNames } = policySettings;
  add(trustedProxies.path, '--trust-proxy', flags.trustProxy.length === 0 ? undefined : flags.trustProxy);
  add(proxyProtocol.path, '--proxy-protocol', flags.proxyProtocol);
  add(exemptLoopback.path, '--limit-loopback', flags.limitLoopback === true ? false : undefined);
  add(reservedNames.path, '--reserve-name', flags.reserveName.length === 0 ? undefined : flags.reserveName);
  add(programSettings.listing.path, '--no-list', flags.list ? undefined : false);
  add(limitSettings.drainMs.path, '--drain', flags.drain === undefined ? undefined : Math.round(flags.drain * 1_000));
  const { require, anonymousDialers, allowFile, tokenFile, approvedFile } = admissionSettings;
  const { calloutUrl, calloutTokenFile, calloutTimeoutMs, calloutOnFailure } = admissionSettings;
  const entries = flags.admit.map((text) => text.replaceAll(',', '|'));
  add(require.path, '--admit', entries.length === 0 ? undefined : entries);
  add(anonymousDialers.path, '--no-anonymous', flags.anonymous ? undefined : false);
  add(allowFile.path, '--allow-file', flags.allowFile);
  add(tokenFile.path, '--token-file', flags.tokenFile);
  add(approvedFile.path, '--approved-file', flags.approvedFile);
  add(calloutUrl.path, '--callout', flags.callout);
  add(calloutTokenFile.path, '--callout-token-file', flags.calloutTokenFile);
  const timeoutMs = flags.calloutTimeout === undefined ? undefined : Math.round(flags.calloutTimeout * 1_000);
  add(calloutTimeoutMs.path, '--callout-timeout', timeoutMs);
  add(calloutOnFailure.path, '--callout-failure', flags.calloutFailure);
  return given;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
