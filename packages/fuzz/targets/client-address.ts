import { isIPv4, isIPv6 } from 'node:net';
import { isForwarded, requestAddress, tcpAddress } from '../../server/src/client-address.js';
import { TrustedProxies } from '../../server/src/policy/trusted-proxies.js';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { assertRule } from '../src/violation.js';

const rules = new TrustedProxies(['127.0.0.1', '::1', '10.0.0.0/8']);
const loopback = tcpAddress('127.0.0.1', rules);
const names = ['x-forwarded-for', 'forwarded', 'x-real-ip'];
const addresses = [
  '127.0.0.1',
  '::1',
  '203.0.113.9',
  '2001:db8:1:2:3:4:5:6',
  '2001:db8::7',
  '::ffff:10.0.0.1',
  '64:ff9b::1.2.3.4',
];

/** `address of the TCP peer \n header: value \n ...`: under which key a socket is counted, and who is not counted. */
export const clientAddressTarget: Target = {
  name: 'client-address',
  shape: { kind: 'text' },
  maxBytes: 300,
  dictionary: [...names.map((name) => `${name}: `), ...addresses, 'for="', ';proto=https', '%eth0'].map(fromText),
  seeds: () =>
    [
      '127.0.0.1',
      '127.0.0.1\nx-forwarded-for: 1.2.3.4, 203.0.113.9:77',
      '::1\nx-forwarded-for: [2001:db8::7]:443',
      '127.0.0.1\nx-forwarded-for: 127.0.0.1, 203.0.113.9, 10.2.3.4',
      '10.1.1.1\nx-forwarded-for: 1.2.3.4,unknown,10.2.3.4',
      '127.0.0.1\nforwarded: for=1.2.3.4;proto=http, for="[2001:db8::7]:9"',
      '203.0.113.9\nx-forwarded-for: 127.0.0.1',
      '::ffff:127.0.0.1',
      'fe80::1%eth0',
    ].map(fromText),
  run(input) {
    const [peer = '', ...lines] = Buffer.from(input).toString('latin1').split('\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const [name = '', ...value] = line.split(': ');
      if (names.includes(name)) headers[name] = value.join(': ');
    }
    const direct = tcpAddress(peer, rules);
    const { key, exempt, ip } = requestAddress(direct, headers, rules);
    if (exempt) {
      assertRule(direct.exempt && !isForwarded(headers), 'only the machine itself is exempt, and no proxy on it');
      const plain = isIPv6(peer) ? new URL(`http://[${peer}]/`).hostname : peer;
      assertRule(['127.0.0.1', '[::1]', '[::ffff:7f00:1]'].includes(plain), 'exempt is 127.0.0.1 or ::1');
    }
    const isTrusted = direct.ip !== undefined && rules.isTrustedProxy(direct.ip);
    if (!isTrusted) assertRule(key === direct.key, 'a stranger is counted under its own address');
    if (key !== direct.key && !key.startsWith('via ')) {
      assertRule(
        lastHopIsBelieved(headers['x-forwarded-for'] ?? '', key),
        'only what a trusted proxy appended is believed',
      );
    }
    const isPeer = isIPv4(peer) || isIPv6(peer);
    if (isPeer) {
      assertRule(ip !== undefined, 'an address is known');
      assertRule(/^(via )?(\d+\.\d+\.\d+\.\d+|[0-9a-f:]*::\/64)$/.test(key), `a key is an address: ${key}`);
    }
    if (isIPv6(peer)) checkPrefix(peer, direct.key);
  },
};

/** Behind the element that counts are trusted proxies alone. */
function lastHopIsBelieved(list: string, key: string): boolean {
  const elements = list.split(',');
  for (let i = elements.length - 1; i >= 0; i--) {
    const named = requestAddress(loopback, { 'x-forwarded-for': elements[i] ?? '' }, rules);
    if (named.key === key) return true;
    if (named.ip === undefined || named.key.startsWith('via ') || !rules.isTrustedProxy(named.ip)) return false;
  }
  return false;
}

/** All of one /64 are counted as one. */
function checkPrefix(peer: string, key: string): void {
  if (/^::ffff:/i.test(peer)) return;
  const plain = peer.split('%')[0] ?? '';
  const canonical = new URL(`http://[${plain}]/`).hostname.slice(1, -1);
  assertRule(tcpAddress(canonical, rules).key === key, `one address has one key: ${canonical} and ${peer}`);
}
