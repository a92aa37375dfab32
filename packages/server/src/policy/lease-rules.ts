import { RelayCode, relayError, type SealaneError } from '@sealane/types';
import type { LeaseRecord } from '../lease-store.js';
import type { RelayConfig } from '../relay-config.js';
import { banError } from './ban-list.js';

/**
 * Why a lease may not be in force here, whoever its link is: asked when it is registered, and again whenever a rule
 * has changed. DENIED for a banned id or name and for what the operator
 * has just ended, NAME_INVALID, NAME_TAKEN for a reserved name, LEASE_INVALID.
 */
export function refuseLease(config: RelayConfig, record: LeaseRecord): SealaneError | undefined {
  const { limits, bans, reservedNames, operatorEnds, clock } = config;
  const { name, id, metadata } = record;
  const ban = bans.findId(id) ?? (name === null ? undefined : bans.findName(name));
  if (ban !== undefined) return banError(ban, clock.wallMs());
  const ended = operatorEnds.refuseLease(record);
  if (ended !== undefined) return ended;
  if (metadata.length > limits.maxMetadataBytes) {
    const most = limits.maxMetadataBytes;
    return relayError(RelayCode.LEASE_INVALID, `the metadata of a lease may have ${most} bytes here`);
  }
  if (name === null) return undefined;
  if (name.length < limits.nameMinLength || name.length > limits.nameMaxLength) {
    const text = `a name has ${limits.nameMinLength} to ${limits.nameMaxLength} characters here`;
    return relayError(RelayCode.NAME_INVALID, text);
  }
  return reservedNames.refuse(name, id);
}
