import { isNetwork, isReservable, parseReservedName } from '@sealane/server';
import { listSetting, type Setting, switchSetting } from './setting.js';

/** Who clients are, and what they may be called. */
export const policySettings: {
  readonly trustedProxies: Setting<readonly string[]>;
  readonly proxyProtocol: Setting<boolean>;
  readonly exemptLoopback: Setting<boolean>;
  readonly reservedNames: Setting<readonly string[]>;
} = {
  trustedProxies: listSetting({
    path: 'proxies.trusted',
    default: [],
    meaning: 'addresses and networks of proxies whose X-Forwarded-For and PROXY data is believed; for new connections',
    applies: 'new',
    flag: '--trust-proxy CIDR',
    check: (text) =>
      isNetwork(text)
        ? undefined
        : `has ${JSON.stringify(text)}; write an address or a network without further bits, for example 192.0.2.0/24`,
  }),
  proxyProtocol: switchSetting({
    path: 'proxies.protocol',
    default: false,
    meaning: 'connections of trusted proxies begin with PROXY data of version 2, all of them',
    applies: 'restart',
    flag: '--proxy-protocol',
  }),
  exemptLoopback: switchSetting({
    path: 'proxies.exemptLoopback',
    default: true,
    meaning: '127.0.0.1 and ::1 are not limited per address, unless a proxy passed the connection on',
    applies: 'restart',
    flag: '--limit-loopback',
  }),
  reservedNames: listSetting({
    path: 'names.reserved',
    default: [],
    meaning: 'names for nobody (admin), beginnings of names (status-*), and names for one id (status=ID)',
    applies: 'live',
    flag: '--reserve-name NAME[=ID]',
    check: (text) =>
      isReservable(parseReservedName(text))
        ? undefined
        : `has ${JSON.stringify(text)}; write a name, the beginning of one and *, or either with =ID`,
  }),
};
