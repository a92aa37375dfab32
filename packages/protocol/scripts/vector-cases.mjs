/**
 * The values behind packages/protocol/vectors. Keys, certificates, signatures and sealed bytes are stand-ins of the
 * right length: what they mean is tested where they are made. Bytes stand as { hex }.
 */
const run = (first, length) => ({
  hex: Array.from({ length }, (_, index) => ((first + index) & 0xff).toString(16).padStart(2, '0')).join(''),
});
const same = (byte, length) => ({ hex: byte.toString(16).padStart(2, '0').repeat(length) });

const relay = run(0x01, 32);
const owner = run(0x21, 32);
const client = run(0x41, 32);
const keycert = { hex: `${owner.hex}00000003${run(0x61, 32).hex}${same(0xa5, 64).hex}` };
const nodecert = { hex: `${relay.hex}00000001${run(0x81, 32).hex}${same(0xb6, 64).hex}` };
const instance = run(0xd0, 16);
const connectionId = run(0xc0, 16);
const resumeId = run(0xe0, 16);
const sealed = same(0x5e, 34);
const signature = same(0x99, 64);

export const frames = [
  ['DATA', { type: 0, flags: 0, streamId: 1, body: { hex: '68656c6c6f' } }, 'five bytes on stream 1'],
  ['DATA_FIN', { type: 0, flags: 2, streamId: 1, body: { hex: '' } }, 'the end of this direction, without data'],
  [
    'DATA_OPEN',
    { type: 0, flags: 1, streamId: 3, body: { hex: '000403776562' + '6f6b' } },
    'opens stream 3 with the OPEN body 03 77 65 62 (label "web") and two bytes of data',
  ],
  ['CREDIT', { type: 1, flags: 0, streamId: 1, body: { hex: '00020000' } }, '131,072 more bytes for stream 1'],
  ['RESET', { type: 2, flags: 0, streamId: 3, body: { hex: '0002' } }, 'stream 3 is refused'],
  ['PING', { type: 3, flags: 0, streamId: 0, body: { hex: '0011223344556677' } }, 'eight opaque bytes'],
  ['PONG', { type: 4, flags: 0, streamId: 0, body: { hex: '0011223344556677' } }, 'the same eight bytes'],
  [
    'GOAWAY',
    { type: 5, flags: 0, streamId: 0, body: { hex: '00000007000200000bb800' } },
    'streams up to 7 are served; draining; come back in 3 s',
  ],
  ['MESSAGE_HELD', { type: 6, flags: 0, streamId: 1, body: { hex: '1090' } }, 'the message HELD on stream 1'],
  ['IGNORED', { type: 64, flags: 255, streamId: 0, body: { hex: 'ff' } }, 'an unknown type from 64 on: skipped'],
];

export const goAways = [
  ['GOAWAY_BODY', { lastStream: 7, code: 2, retryAfterMs: 3000, url: '' }],
  ['GOAWAY_BODY_URL', { lastStream: 0, code: 1, retryAfterMs: 0, url: 'wss://r2.example:443' }],
];

export const streamOpens = [
  ['STREAM_OPEN_EMPTY', { label: '', metadata: { hex: '' } }],
  ['STREAM_OPEN', { label: 'web', metadata: { hex: '0102' } }],
];

const limits = {
  maxMessage: 262144,
  maxData: 66560,
  initialWindow: 262144,
  maxStreams: 1024,
  leaseTtlMinMs: 10000,
  leaseTtlMaxMs: 300000,
  idleMs: 5000,
};

export const leases = [
  [
    'LEASE',
    {
      audience: relay,
      keycert,
      service: '',
      instance,
      sequence: 1795478400000000,
      ttlMs: 60000,
      name: 'my-box',
      alpn: ['sealane/stream/1'],
      suites: [2],
      flags: 1,
      metadata: { hex: '7b7d' },
    },
  ],
  [
    'LEASE_RESUME_ONLY',
    {
      audience: relay,
      keycert,
      service: 'ssh',
      instance,
      sequence: 1795478400000001,
      ttlMs: 60000,
      name: null,
      alpn: null,
      suites: [2, 1],
      flags: 0,
      metadata: { hex: '' },
    },
  ],
];

export const messages = (leaseBytes) => [
  ['HELLO', { kind: 1, relay, nodecert, challenge: same(0x11, 32), features: 1, limits }],
  [
    'AUTH',
    {
      kind: 2,
      client,
      nonce: same(0x22, 32),
      authority: 'relay.example:443',
      features: 1,
      initialWindow: 262144,
      maxStreams: 1024,
      signature,
    },
  ],
  ['AUTH_OK', { kind: 3, features: 1, linkId: run(0x31, 8), signature }],
  ['ERROR', { kind: 4, request: 7, code: 9, text: 'another process holds this lease', value: null }],
  ['ERROR_STALE', { kind: 4, request: 7, code: 10, text: '', value: 1795478400000000 }],
  ['ERROR_LINK', { kind: 4, request: 0, code: 6, text: 'relay.example:443', value: null }],
  ['REGISTER', { kind: 5, request: 7, flags: 0, lease: leaseBytes, signature }],
  ['REGISTERED', { kind: 6, request: 7, service: '', sequence: 1795478400000000, ttlMs: 60000, name: 'my-box' }],
  ['RENEW', { kind: 7, request: 8, service: '', sequence: 1795478400000000 }],
  ['RENEWED', { kind: 8, request: 8, ttlMs: 60000 }],
  ['RELEASE', { kind: 9, request: 9, service: '', sequence: 1795478400000000 }],
  ['RELEASED', { kind: 10, request: 9 }],
  ['SUPERSEDED', { kind: 11, service: '', by: 1 }],
  ['LOOKUP_NAME', { kind: 12, request: 10, name: 'my-box', id: null, service: '' }],
  ['LOOKUP_ID', { kind: 12, request: 11, name: null, id: owner, service: 'ssh' }],
  ['FOUND', { kind: 13, request: 10, id: owner, service: '', keycert, instance }],
  ['ACCEPT', { kind: 14, message2: null, resume: null }],
  ['ACCEPT_MESSAGE2', { kind: 14, message2: run(0x02, 48), resume: null }],
  ['ACCEPT_RESUME', { kind: 14, message2: null, resume: { pathNumber: 1, sealed } }],
  ['REJECT', { kind: 15, code: 2, keycert: null, text: '' }],
  ['REJECT_KEYCERT', { kind: 15, code: 3, keycert, text: '' }],
  ['HELD', { kind: 16 }],
  ['LIST', { kind: 17, request: 12, cursor: null, limit: 15 }],
  ['LIST_NEXT', { kind: 17, request: 13, cursor: run(0x71, 12), limit: 15 }],
  [
    'LISTED',
    {
      kind: 18,
      request: 12,
      entries: [{ lease: leaseBytes, signature, expiresInMs: 41500 }],
      next: run(0x71, 12),
    },
  ],
  ['LISTED_END', { kind: 18, request: 13, entries: [], next: null }],
  ['PRESENT_TOKEN', { kind: 19, request: 14, proof: 1, bytes: run(0x91, 32) }],
  ['PRESENT_TICKET', { kind: 19, request: 15, proof: 2, bytes: run(0x01, 158) }],
  ['PRESENTED', { kind: 20, request: 14 }],
  ['PENDING', { kind: 21, request: 7 }],
];

export const opens = [
  ['CONNECT', { kind: 1, owner, service: '', connectionId, message1: null }],
  ['CONNECT_MESSAGE1', { kind: 1, owner, service: 'ssh', connectionId, message1: run(0x02, 40) }],
  ['RESUME', { kind: 2, owner, service: '', instance, resumeId, pathNumber: 1, sealed }],
];

export const forwards = [
  ['FORWARD_CONNECT', { kind: 1, dialer: null, owner, service: '', connectionId, message1: null }],
  ['FORWARD_CONNECT_IDENTIFIED', { kind: 1, dialer: client, owner, service: '', connectionId, message1: null }],
  ['FORWARD_RESUME', { kind: 2, dialer: null, owner, service: '', instance, resumeId, pathNumber: 1, sealed }],
];

export const handshakes = [['HANDSHAKE_MESSAGE', { hex: '02000000030102' }]];

const frame = 'ERR_PROTOCOL_FRAME';
const message = 'ERR_PROTOCOL_MESSAGE';
const limit = 'ERR_PROTOCOL_LIMIT';

/** [name, codec, hex, code]: what a receiver must refuse. */
export const refusals = [
  ['FRAME_HEADER_CUT', 'frame', '0000000000010000', frame],
  ['FRAME_LONGER_THAN_MESSAGE', 'frame', '00000000000100000668656c6c6f', frame],
  ['FRAME_RESERVED_FLAG', 'frame', '00040000000100000568656c6c6f', frame],
  ['FRAME_FLAG_ON_CREDIT', 'frame', '01010000000100000400020000', frame],
  ['FRAME_TYPE_UNKNOWN', 'frame', '3f0000000000000000', frame],
  ['FRAME_DATA_ON_STREAM_0', 'frame', '00000000000000000101', frame],
  ['FRAME_DATA_EMPTY', 'frame', '000000000001000000', frame],
  ['FRAME_PING_ON_STREAM_1', 'frame', '0300000000010000080011223344556677', frame],
  ['CREDIT_ZERO', 'credit', '00000000', frame],
  ['CREDIT_TOO_LARGE', 'credit', '80000000', frame],
  ['GOAWAY_TRAILING', 'goaway', '00000007000200000bb80000', frame],
  ['MESSAGE_KIND_UNKNOWN', 'message', '7f90', message],
  ['MESSAGE_KIND_ALONE', 'message', '0a', message],
  ['MESSAGE_TRAILING', 'message', '0a910900', message],
  ['MESSAGE_FIELD_MISSING', 'message', '0a90', message],
  ['MESSAGE_FIELD_TOO_MANY', 'message', '0a920909', message],
  ['MESSAGE_NOT_SHORTEST', 'message', '0a91cc09', message],
  ['MESSAGE_REQUEST_ZERO', 'message', '0a9100', message],
  ['MESSAGE_MAP', 'message', '0a8109c0', message],
  ['MESSAGE_FLOAT', 'message', '0a91ca41100000', message],
  ['MESSAGE_EXTENSION', 'message', '0a91d40009', message],
  ['MESSAGE_BOOLEAN', 'message', '0a91c3', message],
  ['MESSAGE_NEGATIVE', 'message', '0a91ff', message],
  ['MESSAGE_INTEGER_2_53', 'message', '0a91cf0020000000000000', message],
  ['MESSAGE_ARRAY_CLAIM', 'message', '0addffffffff', message],
  ['MESSAGE_MAP_CLAIM', 'message', '0adfffffffff', message],
  ['MESSAGE_STR_CLAIM', 'message', '0adbffffffff', message],
  ['MESSAGE_BIN_CLAIM', 'message', '0ac6ffffffff', message],
  ['MESSAGE_NESTED', 'message', '0a9191919191919109', limit],
  ['MESSAGE_NOT_UTF8', 'message', '0b92a1ff00', message],
  ['MESSAGE_SERVICE_FORM', 'message', '0b92a14100', message],
  ['LIST_LIMIT_ZERO', 'message', '11930cc000', message],
  ['LIST_LIMIT_16', 'message', '11930cc010', message],
  ['LIST_CURSOR_EMPTY', 'message', '11930cc4000f', message],
  ['LIST_CURSOR_129', 'message', `11930cc481${'00'.repeat(129)}0f`, limit],
  ['LISTED_16_ENTRIES', 'message', `12930cdc0010${`93c40100c440${'99'.repeat(64)}01`.repeat(16)}c0`, limit],
  ['LISTED_EMPTY_LEASE', 'message', `12930c9193c400c440${'99'.repeat(64)}01c0`, message],
  ['LISTED_ENDED_LEASE', 'message', `12930c9193c40100c440${'99'.repeat(64)}00c0`, message],
  ['PRESENT_OF_NO_KIND', 'message', '13930e00c40191', message],
  ['PRESENT_OF_A_LATER_KIND', 'message', '13930e03c40191', message],
  ['PRESENT_EMPTY', 'message', '13930e01c400', message],
  ['PRESENT_513', 'message', `13930e02c50201${'91'.repeat(513)}`, limit],
  ['STREAM_OPEN_CUT', 'stream-open', '0377', message],
  ['STREAM_OPEN_CONTROL_CHARACTER', 'stream-open', '010a', message],
  ['HANDSHAKE_EMPTY', 'handshake', '000000', message],
  ['HANDSHAKE_TOO_LONG', 'handshake', '001001', limit],
];
