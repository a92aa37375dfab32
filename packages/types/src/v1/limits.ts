/** Sizes fixed by the protocol, version 1 (docs/protocol/v1.md). Bytes unless the name says otherwise. */
export const ProtocolSize = {
  /** Largest WebSocket message. */
  MESSAGE: 262_144,
  /** Largest DATA body on the WebSocket. */
  OUTER_DATA: 66_560,
  /** Largest DATA body inside a session. */
  INNER_DATA: 65_536,
  /** Largest control body. */
  CONTROL: 8_192,
  /** Largest handshake message on a stream. */
  HANDSHAKE: 4_096,
  /** Largest frame before AUTH. */
  PRE_AUTH: 4_096,
  /** Smallest and largest plaintext of a record that a side may name. */
  RECORD_PLAINTEXT_MIN: 8_704,
  RECORD_PLAINTEXT_MAX: 66_048,
  RECORD_TAG: 16,
  RECORD_LENGTH: 3,
  /** Room that a record keeps beside the largest inner DATA body. */
  RECORD_OVERHEAD: 512,
  INNER_WINDOW_MIN: 65_536,
  ID_TEXT: 56,
  KEYCERT: 132,
  NODECERT: 132,
  INSTANCE: 16,
  CONNECTION_ID: 16,
  RESUME_ID: 16,
  ACCESS_SECRET: 32,
  CHALLENGE: 32,
  NONCE: 32,
  PUBLIC_KEY: 32,
  SIGNATURE: 64,
  KEM_PUBLIC_KEY: 1_184,
  KEM_CIPHERTEXT: 1_088,
  METADATA: 4_096,
  STREAM_LABEL: 63,
  STREAM_METADATA: 1_024,
  SERVICE: 63,
  NAME: 40,
  ALPN: 64,
  ALPN_COUNT: 16,
  AUTHORITY: 261,
  /** Largest token or ticket that PRESENT shows. */
  PROOF: 512,
} as const;

/** Flow control and scheduling, used on both layers. */
export const MuxLimit = {
  initialWindowBytes: 262_144,
  maxOuterWindowBytes: 16_777_216,
  maxInnerWindowBytes: 4_194_304,
  maxCredit: 2_147_483_647,
  /** Charged beside the length for each held frame. */
  heldFrameOverheadBytes: 128,
  /** Under pressure, time after which a full stream whose reader takes nothing is reset for the sake of new ones. */
  stalledMs: 10_000,
  /** Control bytes sent before data gets its turn. */
  controlTurnBytes: 16_384,
  /** Unsent control data to a peer that does not read; more closes the link. */
  maxUnsentControlBytes: 65_536,
  maxInnerStreams: 1_024,
  /** Opening and resetting before the first answer. */
  resetTokens: 100,
  resetTokensPerSecond: 20,
} as const;

/** Session limits of an endpoint. */
export const SessionLimit = {
  ackDelayMs: 250,
  ackBytes: 131_072,
  ackRecords: 64,
  rekeyBytes: 1_073_741_824,
  rekeyRecords: 1_048_576,
  rekeyIntervalMs: 900_000,
  maxKeyBytes: 68_719_476_736,
  maxKeyRecords: 4_294_967_296,
  /** Ciphertext queued on the socket above which no record is sealed. */
  maxQueuedBytes: 131_072,
  closeWaitMs: 5_000,
  confirmWaitMs: 10_000,
  /** For an owner's `accept` to decide; less than a relay waits for the answer. */
  acceptWaitMs: 8_000,
  maxUnconfirmedPerLink: 128,
  maxSessionsPerPeer: 16,
  /** Streams of a session that have ended and whose end the peer has not acknowledged. */
  maxUnacknowledgedEnds: 8_192,
  seenConnectionIdsPerLink: 4_096,
  /** A session takes no new streams after this time. */
  maxAgeMs: 86_400_000,
} as const;

/** Sessions that outlive their transport (v1.md, "Resumption"). */
export const ResumptionLimit = {
  /** Kept ciphertext that all sessions of a process share, and the most of it for one. */
  keptSharedBytes: 67_108_864,
  keptSessionBytes: 16_777_216,
  /** For each session on top, and how many sessions get it. */
  keptGuaranteedBytes: 262_144,
  keptSessions: 256,
  /** Charged beside the length of each kept record. */
  keptRecordOverheadBytes: 128,
  /** Beyond the bound, for what unblocks the peer; sent by a timer alone. */
  keptReserveBytes: 65_536,
  reserveDelayMs: 250,
  giveUpMs: 60_000,
  attemptMinMs: 1_500,
  attemptMaxMs: 10_000,
  /** How long a relay holds a request for an owner that is on its way back. */
  heldMs: 5_000,
  /** After it new streams take a new session meanwhile. */
  newSessionAfterMs: 1_000,
  pathSilentMs: 10_000,
  peerStalledMs: 30_000,
  maxDamagedRecords: 3,
  maxSuspendedPerPeer: 16,
  endedSessions: 1_024,
  endedSessionMs: 120_000,
  /** A tick that comes later than this shows that the machine slept. */
  lateTickMs: 5_000,
} as const;

/** Client timing. */
export const ClientTiming = {
  reconnectMinMs: 200,
  reconnectMaxMs: 30_000,
  /** Cap while something waits for the link. */
  reconnectWaitingMaxMs: 1_000,
  linkIdleDeadMs: 10_000,
  linkBusyDeadMs: 3_000,
  pingIntervalMs: 5_000,
  authTimeoutMs: 10_000,
  requestTimeoutMs: 10_000,
} as const;

/** Defaults of a relay; every one is an option and every refusal is counted (docs/limits.md). */
export const RelayLimit = {
  headersTimeoutMs: 5_000,
  maxHeaderBytes: 8_192,
  socketsPerAddress: 200,
  newSocketsPerAddressPerSecond: 20,
  leasesPerAddress: 1_000,
  sessionsPerAddress: 8_192,
  requestsPerAddressPerSecond: 2_000,
  connectsPerAddressPerSecond: 250,
  bytesFromAddressPerSecond: 0,
  bytesToAddressPerSecond: 0,
  bytesPerAddressPerDay: 0,
  maxSockets: 16_000,
  authTimeoutMs: 10_000,
  maxUnauthenticated: 2_000,
  /** Share of one core that new connections may take up to HELLO. */
  arrivalCpuShare: 0.4,
  /** Share of one core that signature checks before AUTH may take; half as much those of leases. */
  authCpuShare: 0.5,
  /** Share of one core that CONNECT may take. */
  connectCpuShare: 0.4,
  leasesPerIdentity: 16,
  linksPerIdentity: 16,
  newLinksPerIdentityPerSecond: 50,
  sessionsPerIdentity: 1_024,
  requestsPerIdentityPerSecond: 1_000,
  connectsPerIdentityPerSecond: 1_000,
  bytesFromIdentityPerSecond: 0,
  bytesToIdentityPerSecond: 0,
  bytesPerIdentityPerDay: 0,
  sessionsPerLease: 0,
  connectsPerLeasePerSecond: 1_000,
  /** From the owner of the lease, and to it. */
  bytesFromLeasePerSecond: 0,
  bytesToLeasePerSecond: 0,
  bytesPerLeasePerDay: 0,
  /** Streams that one link may have open at the relay, whichever side opened them. */
  streamsPerLink: 1_024,
  /** REGISTER, RENEW, RELEASE, LOOKUP and LIST together. */
  requestsPerLinkPerSecond: 200,
  waitingAcceptsPerLease: 128,
  acceptTimeoutMs: 10_000,
  leaseTtlMinMs: 10_000,
  leaseTtlMaxMs: 300_000,
  leaseTtlMs: 60_000,
  maxLeases: 100_000,
  /** Each at its metadata plus 2 KiB, a public one at its signed bytes as well. */
  maxLeaseBytes: 67_108_864,
  maxNames: 100_000,
  /** Names in use and names kept for their owner, together. */
  namesPerIdentity: 32,
  nameMinLength: 1,
  nameMaxLength: 40,
  maxMetadataBytes: 4_096,
  nameGraceMs: 86_400_000,
  takeOverPingMs: 2_000,
  maxSequenceAheadMs: 86_400_000,
  /** Addresses, identities and leases, each, whose use is remembered. */
  maxTracked: 32_768,
  memoryBudgetBytes: 167_772_160,
  /** Bytes waiting in one WebSocket above which nothing more is taken from its streams. */
  maxQueuedBytes: 262_144,
  linkIdleDeadMs: 10_000,
  linkBusyDeadMs: 3_000,
  pingIntervalMs: 5_000,
  drainMs: 10_000,
} as const;
