import { type DialOptions, parseAddress, type RelayClientOptions, type SealaneAddress } from '@sealane/client';
import type { Ticket } from '@sealane/client/ticket';
import { isService } from '@sealane/types';
import type { TunnelContext } from '../config/context.js';
import { asUsageError, usageError } from '../output/error-line.js';
import { createKeycertStore, createPinStore } from '../peers/stores.js';

/** What every client that dials for the user is made with: keys, pins and known keycerts of the user's files. */
export function dialClientOptions(context: TunnelContext, identify: boolean): RelayClientOptions {
  return {
    credential: context.credential,
    identify,
    use: 'dial',
    knownKeycerts: createKeycertStore(context.peers),
    pins: createPinStore(context.peers),
    resumption: context.resumption,
    ...(context.ca === undefined ? {} : { ca: context.ca }),
    ...(context.token === undefined ? {} : { token: context.token }),
  };
}

export function dialOptions(
  context: TunnelContext,
  alpn: readonly string[] | undefined,
  ticket?: Ticket | undefined,
): DialOptions {
  const protocols = alpn ?? (ticket?.alpn === undefined ? undefined : [ticket.alpn]);
  return {
    ticket,
    ...(protocols === undefined ? {} : { alpn: protocols }),
    ...(context.accessSecret === undefined ? {} : { accessSecret: context.accessSecret }),
  };
}

/** The ADDRESS of a command, with the service of --service where it is given. */
export function parseDialAddress(text: string, service: string | undefined): SealaneAddress {
  try {
    const address = parseAddress(text);
    if (service === undefined) return address;
    if (!isService(service)) throw usageError(`"${service}" is not a service`);
    return { ...address, service };
  } catch (error) {
    throw asUsageError(error, 'ADDRESS');
  }
}
