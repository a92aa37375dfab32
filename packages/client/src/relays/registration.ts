import type { SealaneError } from '@sealane/types';
import { asSealaneError } from '../as-sealane-error.js';
import type { Listener } from '../listener.js';
import type { OwnedSite } from './owned-site.js';

/**
 * Registers a listener's lease at every relay. Resolves with the first that has it; the others follow when they can.
 * Rejects when none takes it: with the first relay's error. `isClosing` ends what still tries.
 */
export async function registerEverywhere(
  listener: Listener,
  sites: readonly OwnedSite[],
  isClosing: () => boolean,
): Promise<void> {
  const lost = new Map<OwnedSite, SealaneError>();
  let isHeld = false;
  const onLost = (site: OwnedSite, error: SealaneError): void => {
    lost.set(site, error);
    if (isHeld && lost.size === sites.length) listener.fail(error);
  };
  const attempts = sites.map(async (site) => {
    try {
      await register(listener, site, isClosing, (error) => onLost(site, error));
      isHeld = true;
    } catch (cause) {
      const error = asSealaneError(cause);
      lost.set(site, error);
      throw error;
    }
  });
  try {
    await Promise.any(attempts);
  } catch (error) {
    throw (error as AggregateError).errors[0];
  }
  void Promise.allSettled(attempts).then(() => {
    for (const [site, error] of lost) {
      if (isClosing() || listener.isClosed) return;
      // Not reached yet, or busy and the like: it is kept trying, and the lease follows. Any other refusal stays one.
      if (error.retryable || error.code.startsWith('ERR_LINK_')) {
        lost.delete(site);
        const { service, instance, options } = listener;
        site.leases.keep(service, instance, options, { onLost: (refusal) => onLost(site, refusal) });
      }
    }
  });
}

async function register(
  listener: Listener,
  site: OwnedSite,
  isClosing: () => boolean,
  onLost: (error: SealaneError) => void,
): Promise<void> {
  const { options, service, instance } = listener;
  const { signal, retry = false } = options;
  for (;;) {
    const link = await site.keeper.acquire({ signal, failFast: !retry });
    try {
      const granted = await site.leases.register(link, service, instance, options, { onLost });
      listener.name ??= granted.name;
      return;
    } catch (error) {
      if (!retry || !asSealaneError(error).code.startsWith('ERR_LINK_') || isClosing()) throw error;
    }
  }
}
