import { isSealaneError } from '@sealane/types';
import { parseAdminAddress } from '../listen-address.js';
import { listSetting, type Setting, textSetting } from './setting.js';

/** Where operators and their programs ask the relay (docs/admin-api.md). */
export const adminSettings: {
  readonly listen: Setting<string | undefined>;
  readonly hosts: Setting<readonly string[]>;
} = {
  listen: textSetting<string | undefined>({
    path: 'admin.listen',
    default: undefined,
    meaning:
      'address of the admin API, HOST:PORT, or PORT alone on 127.0.0.1; port 0 picks a free one; without it there is none',
    applies: 'restart',
    flag: '--admin-listen HOST:PORT',
    check: (text) => {
      try {
        parseAdminAddress(text);
        return undefined;
      } catch (error) {
        if (!isSealaneError(error)) throw error;
        return `is ${JSON.stringify(text)}; write HOST:PORT, or PORT for 127.0.0.1`;
      }
    },
  }),
  hosts: listSetting({
    path: 'admin.hosts',
    default: [],
    meaning: 'names under which the admin API may be asked, as behind a proxy; addresses and localhost always may',
    applies: 'live',
    flag: '--admin-host NAME',
    check: (text) =>
      /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text)
        ? undefined
        : `has ${JSON.stringify(text)}; write a name without port`,
  }),
};
