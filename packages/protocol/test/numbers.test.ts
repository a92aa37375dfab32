import * as types from '@sealane/types';
import { expect, it } from 'vitest';

/** A number of the wire is never reused; a change of one of these lines is a change of the protocol. */
it('the numbers of the wire stay what they are', () => {
  const table = (codes: Readonly<Record<string, number>>): string =>
    Object.entries(codes)
      .map(([name, number]) => `${number.toString(16).padStart(2, '0')} ${name}`)
      .join(', ');
  const { FrameType, FrameFlag, MessageKind, OpenKind, RecordType, Suite, RelayCode, OwnerCode } = types;
  const {
    AbortCode,
    ResetCode,
    GoAwayCode,
    LinkFeature,
    ProofKind,
    SessionFeature,
    LeaseFlag,
    RegisterFlag,
    SupersededBy,
  } = types;
  const all = {
    FrameType,
    FrameFlag,
    MessageKind,
    OpenKind,
    RecordType,
    Suite,
    RelayCode,
    OwnerCode,
    AbortCode,
    ResetCode,
  };
  const more = { GoAwayCode, LinkFeature, ProofKind, SessionFeature, LeaseFlag, RegisterFlag, SupersededBy };
  const lines = Object.entries({ ...all, ...more }).map(([name, codes]) => `${name}: ${table(codes)}`);
  expect(`${lines.join('\n')}\n${types.LABEL} ${types.SUBPROTOCOL}`).toMatchInlineSnapshot(`
    "FrameType: 00 DATA, 01 CREDIT, 02 RESET, 03 PING, 04 PONG, 05 GOAWAY, 06 MESSAGE
    FrameFlag: 01 OPEN, 02 FIN
    MessageKind: 01 HELLO, 02 AUTH, 03 AUTH_OK, 04 ERROR, 05 REGISTER, 06 REGISTERED, 07 RENEW, 08 RENEWED, 09 RELEASE, 0a RELEASED, 0b SUPERSEDED, 0c LOOKUP, 0d FOUND, 0e ACCEPT, 0f REJECT, 10 HELD, 11 LIST, 12 LISTED, 13 PRESENT, 14 PRESENTED, 15 PENDING
    OpenKind: 01 CONNECT, 02 RESUME
    RecordType: 00 FRAMES, 01 CONFIRM, 02 REKEY, 03 CLOSE, 04 ABORT, 05 PAD
    Suite: 01 CLASSICAL, 02 HYBRID
    RelayCode: 01 BUSY, 02 NO_OWNER, 03 KEYCERT, 04 LIMIT, 05 NO_SESSION, 06 WRONG_AUTHORITY, 07 AUTH, 08 VERSION, 09 LEASE_IN_USE, 0a LEASE_STALE, 0b LEASE_INVALID, 0c NO_LEASE, 0d NAME_TAKEN, 0e NAME_INVALID, 0f MALFORMED, 10 TIMEOUT, 11 DRAINING, 12 DENIED, 13 INTERNAL, 14 TOKEN, 15 TICKET
    OwnerCode: 00 OK, 01 DENIED, 02 NO_ALPN, 03 NO_TARGET, 04 DOWNGRADE, 05 BUSY
    AbortCode: 01 INTERNAL, 02 PROTOCOL, 03 DENIED, 04 INTEGRITY, 05 PEER_STALLED, 06 SHUTDOWN
    ResetCode: 01 CANCELLED, 02 REFUSED, 03 UNREACHABLE, 04 BUSY, 05 DENIED, 06 TRUNCATED, 07 INTERNAL, 08 TIMEOUT, 09 GONE, 0a PROTOCOL
    GoAwayCode: 01 SHUTDOWN, 02 DRAINING, 03 SUPERSEDED, 04 PROTOCOL
    LinkFeature: 01 RESUME, 02 LIST, 04 ADMISSION
    ProofKind: 01 TOKEN, 02 TICKET
    SessionFeature: 01 RESUME
    LeaseFlag: 01 PUBLIC, 02 RESUME_ONLY, 04 TICKETS
    RegisterFlag: 01 TAKE_OVER
    SupersededBy: 00 SAME_INSTANCE, 01 OTHER_INSTANCE
    sealane/1 sealane.1"
  `);
});
