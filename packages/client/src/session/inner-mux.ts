import { Mux } from '@sealane/mux';
import { MuxLimit, ProtocolSize } from '@sealane/types';
import type { SessionOptions } from './session-options.js';

/** The mux of a session, as the handshake of both sides says (v1.md, "Streams inside a session"). */
export function createInnerMux(options: SessionOptions, onWritable: () => void): Mux {
  const { keys, own, peer, clock, budget, handler } = options;
  return new Mux({
    role: keys.role === 'dialer' ? 'opener' : 'acceptor',
    clock,
    budget,
    maxBodyBytes: Math.min(own.maxRecordPlaintext, peer.maxRecordPlaintext) - ProtocolSize.RECORD_OVERHEAD,
    maxOpenBytes: 1 + ProtocolSize.STREAM_LABEL + ProtocolSize.STREAM_METADATA,
    receiveWindowBytes: own.initialWindow,
    maxReceiveWindowBytes: MuxLimit.maxInnerWindowBytes,
    sendWindowBytes: peer.initialWindow,
    maxInboundStreams: own.maxStreams,
    maxOutboundStreams: peer.maxStreams,
    allowMessages: false,
    handler: {
      onWritable,
      onOpen: (stream, open) => handler.onOpen(stream, open),
      onGoAway: () => handler.onChange(),
    },
  });
}
