import { ClientTiming } from '@sealane/types';
import type { ClientTimingOptions } from '../options.js';

export type ClientTimingConfig = { readonly [Key in keyof typeof ClientTiming]: number };

export function resolveTiming(options: ClientTimingOptions = {}): ClientTimingConfig {
  return { ...ClientTiming, ...options };
}
