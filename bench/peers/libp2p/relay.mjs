import { circuitRelayServer } from '@libp2p/circuit-relay-v2';
import { createNode, maxStreams, ready } from './node.mjs';

const node = await createNode({
  listen: ['/ip4/127.0.0.1/tcp/0'],
  services: {
    // The default limits end a connection after 128 KiB or two minutes.
    relay: circuitRelayServer({
      reservations: { applyDefaultLimit: false },
      maxInboundHopStreams: maxStreams,
      maxOutboundHopStreams: maxStreams,
      maxOutboundStopStreams: maxStreams,
    }),
  },
});
ready({ address: String(node.getMultiaddrs()[0]) });
