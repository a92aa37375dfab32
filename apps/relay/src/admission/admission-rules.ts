import { admissionSettings, parseRules, type RuleName } from '../settings/admission-settings.js';
import type { Conflict } from '../settings/conflicts.js';
import { programSettings } from '../settings/program-settings.js';
import type { GetSetting, Setting } from '../settings/setting.js';

/** Entries of which all have to admit, each with rules of which one is enough. */
export function rulesOf(get: GetSetting): readonly (readonly RuleName[])[] {
  return get(admissionSettings.require).map((text) => parseRules(text) ?? []);
}

/** Some identities are not admitted. */
export function isRestricted(get: GetSetting): boolean {
  return rulesOf(get).some((rules) => !rules.includes('open'));
}

/** Rules without what they need, and what no rule uses. `isAtRunTime` of a path: it was set while the relay ran. */
export function findAdmissionConflicts(get: GetSetting, isAtRunTime: (path: string) => boolean): readonly Conflict[] {
  const { require, anonymousDialers, allowFile, tokenFile, approvedFile, calloutUrl, calloutTokenFile } =
    admissionSettings;
  const used = new Set(rulesOf(get).flat());
  const conflicts: Conflict[] = [];
  // Tokens and approvals are in the database as well. Who changes one setting after the other while the relay runs gives
  // a rule what it needs before the rule.
  const sources: readonly [RuleName, Setting<string | undefined>, boolean][] = [
    ['allowlist', allowFile, true],
    ['token', tokenFile, false],
    ['approval', approvedFile, false],
    ['callout', calloutUrl, true],
  ];
  for (const [rule, setting, isNeeded] of sources) {
    const isSet = get(setting) !== undefined;
    if (isNeeded && used.has(rule) && !isSet) {
      conflicts.push({ path: require.path, message: `${require.path} has ${rule}, which needs ${setting.path}` });
    } else if (!used.has(rule) && isSet && !isAtRunTime(setting.path)) {
      conflicts.push({
        path: setting.path,
        message: `${setting.path} has no effect without ${rule} in ${require.path}`,
      });
    }
  }
  if (get(calloutTokenFile) !== undefined && get(calloutUrl) === undefined && !isAtRunTime(calloutTokenFile.path)) {
    conflicts.push({
      path: calloutTokenFile.path,
      message: `${calloutTokenFile.path} has no effect without ${calloutUrl.path}`,
    });
  }
  // Who closes an open relay while it runs means it.
  if (get(programSettings.open) && isRestricted(get) && !isAtRunTime(require.path)) {
    conflicts.push({
      path: require.path,
      message: `${programSettings.open.path} and ${require.path} contradict each other`,
    });
  }
  if (!get(anonymousDialers) && !isRestricted(get)) {
    const message = `${anonymousDialers.path} is false, which needs a rule other than open in ${require.path}`;
    conflicts.push({ path: anonymousDialers.path, message });
  }
  return conflicts;
}
