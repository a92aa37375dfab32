import { isIPv6 } from 'node:net';
import { formatHostPort, parseHostPort } from '../../../apps/cli/src/tunnel/host-port.js';
import { parseListenAddress, parseTarget } from '../../../apps/cli/src/tunnel/target.js';
import { isLoopback, parseListenAddress as parseRelayAddress } from '../../../apps/relay/src/listen-address.js';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';

const texts = ['8080', '127.0.0.1:80', '[::1]:0', 'tcp://host:1', 'unix:/run/app.sock', 'localhost:65536', '[zz]:1'];

/** Where the programs listen and what they forward to. */
export const listenAddressesTarget: Target = {
  name: 'listen-addresses',
  shape: { kind: 'text' },
  maxBytes: 160,
  dictionary: texts.map(fromText),
  seeds: () => texts.map(fromText),
  run(input) {
    const text = Buffer.from(input).toString('utf8');
    const known = parseHostPort(text);
    if (known !== undefined) {
      const again = parseHostPort(formatHostPort(known));
      assertRule(again?.host === known.host && again.port === known.port, 'an address is written and read the same');
    }
    const target = accepted(['ERR_ARGUMENT'], () => parseTarget(text));
    if (target?.kind === 'tcp') assertPort(target.port, 1);
    if (target?.kind === 'unix') assertRule(!target.path.includes('\0'), 'a path has no zero byte');
    const listen = accepted(['ERR_ARGUMENT'], () => parseListenAddress(text));
    if (listen?.kind === 'tcp') assertPort(listen.port, 0);
    const relay = accepted(['ERR_ARGUMENT'], () => parseRelayAddress(text));
    if (relay === undefined) return;
    assertPort(relay.port, 0);
    assertRule(!relay.host.includes(':') || isIPv6(relay.host), 'a host has a colon only in IPv6');
    const isLocal = /^(127\.|::1$|localhost$)/i.test(relay.host);
    assertRule(!isLoopback(relay.host) || isLocal, 'only the machine itself is the machine itself');
  },
};

function assertPort(port: number, least: number): void {
  assertRule(Number.isInteger(port) && port >= least && port <= 65_535, 'a port is one');
}
