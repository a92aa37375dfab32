import { findAdmissionConflicts } from '../admission/admission-rules.js';
import { limitSettings } from './limit-settings.js';
import { policySettings } from './policy-settings.js';
import { formatValue, type GetSetting, type Setting } from './setting.js';

/** Settings that are right alone and wrong together. Names the one to complain about first. */
export interface Conflict {
  readonly path: string;
  readonly message: string;
}

/** Pairs of which the first may not be larger than the second. */
const ordered: readonly (readonly [Setting<number>, Setting<number>])[] = [
  [limitSettings.leaseTtlMinMs, limitSettings.leaseTtlMaxMs],
  [limitSettings.nameMinLength, limitSettings.nameMaxLength],
  [limitSettings.linkBusyDeadMs, limitSettings.linkIdleDeadMs],
  [limitSettings.pingIntervalMs, limitSettings.linkIdleDeadMs],
];

/** `isAtRunTime` of a path: its value was set while the relay ran. */
export function findConflicts(get: GetSetting, isAtRunTime: (path: string) => boolean): readonly Conflict[] {
  const conflicts: Conflict[] = ordered
    .filter(([small, large]) => get(small) > get(large))
    .map(([small, large]) => ({
      path: small.path,
      message: `${small.path} is ${formatValue(small, get(small))}, more than ${large.path} with ${formatValue(large, get(large))}`,
    }));
  const { proxyProtocol, trustedProxies } = policySettings;
  if (get(proxyProtocol) && get(trustedProxies).length === 0) {
    const message = `${proxyProtocol.path} needs ${trustedProxies.path}, which says whose PROXY data is believed`;
    conflicts.push({ path: proxyProtocol.path, message });
  }
  return [...conflicts, ...findAdmissionConflicts(get, isAtRunTime)];
}
