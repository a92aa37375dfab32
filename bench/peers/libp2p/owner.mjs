// `node owner.mjs RELAY_ADDRESS BACKEND_PORT`
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createNode, maxStreams, protocol, pump, ready } from './node.mjs';

const [relayAddress, backendPort] = process.argv.slice(2);
const node = await createNode({ listen: [`${relayAddress}/p2p-circuit`] });
await node.handle(
  protocol,
  (stream) => {
    const options = { port: Number(backendPort), host: '127.0.0.1', noDelay: true, allowHalfOpen: true };
    pump(stream, net.connect(options));
  },
  { maxInboundStreams: maxStreams, runOnLimitedConnection: true },
);
let address;
while (address === undefined) {
  address = node.getMultiaddrs().find((one) => String(one).includes('/p2p-circuit'));
  if (address === undefined) await sleep(50);
}
ready({ address: String(address) });
