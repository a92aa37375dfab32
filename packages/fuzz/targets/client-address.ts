import { isIPv4, isIPv6 } from 'node:net';
import { isForwarded, requestAddress, tcpAddress } from '../../server/src/client-address.js';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { assertRule } from '../src/violation.js';

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
    const { key, exempt } = requestAddress(peer, headers);
    const direct = tcpAddress(peer);
    if (exempt) {
      assertRule(direct.exempt && !isForwarded(headers), 'only the machine itself is exempt, and no proxy on it');
      assertRule(/^(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)$/i.test(peer), 'exempt is 127.0.0.1 or ::1');
    }
    if (!direct.exempt) assertRule(key === direct.key, 'a stranger is counted under its own address');
    const isPeer = isIPv4(peer) || isIPv6(peer);
    if (isPeer || direct.exempt)
      assertRule(/^(via )?(\d+\.\d+\.\d+\.\d+|[0-9a-f:]+::\/64)$/.test(key), `a key is an address: ${key}`);
    if (isIPv6(peer)) checkPrefix(peer, direct.key);
  },
};

/** All of one /64 are counted as one. */
function checkPrefix(peer: string, key: string): void {
  if (/^::ffff:/i.test(peer)) return;
  const plain = peer.split('%')[0] ?? '';
  const canonical = new URL(`http://[${plain}]/`).hostname.slice(1, -1);
  assertRule(tcpAddress(canonical).key === key, `one address has one key: ${canonical} and ${peer}`);
}
