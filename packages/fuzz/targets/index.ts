import type { Target } from '../src/target.js';
import { accessSecretTarget } from './access-secret.js';
import { ackStateTarget } from './ack-state.js';
import { addressTarget } from './address.js';
import { admissionTarget } from './admission.js';
import { admissionTextTarget, ticketTarget } from './admission-secrets.js';
import { allowFileTarget } from './allow-file.js';
import { calloutAnswerTarget } from './callout-answer.js';
import { certificateTarget } from './certificate.js';
import { clientAddressTarget } from './client-address.js';
import { clientAuthenticationTarget } from './client-authentication.js';
import { clientHostileRelayTarget } from './client-hostile-relay.js';
import { configFileTarget } from './config-file.js';
import { controlMessageTarget } from './control-message.js';
import { framesTarget } from './frames.js';
import { goAwayTarget } from './goaway.js';
import { handshakeReaderTarget } from './handshake-reader.js';
import { idTarget } from './id.js';
import { keyFileContentTarget } from './key-file-content.js';
import { leaseTarget } from './lease.js';
import { leaseStoreTarget } from './lease-store.js';
import { listenAddressesTarget } from './listen-addresses.js';
import { message1PayloadTarget } from './message1-payload.js';
import { message2PayloadTarget } from './message2-payload.js';
import { muxHostileTarget } from './mux-hostile.js';
import { muxPairTarget } from './mux-pair.js';
import { noiseDialerTarget } from './noise-dialer.js';
import { noiseOwnerTarget } from './noise-owner.js';
import { openBodyTarget } from './open-body.js';
import { openRequestTarget } from './open-request.js';
import { ownerHostileDialerTarget } from './owner-hostile-dialer.js';
import { proxyHeaderTarget } from './proxy-header.js';
import { recordFileTarget } from './record-file.js';
import { recordOpenerTarget } from './record-opener.js';
import { recordReaderTarget } from './record-reader.js';
import { relayBeforeAuthTarget } from './relay-before-auth.js';
import { relayLinksTarget } from './relay-links.js';
import { relayUrlTarget } from './relay-url.js';
import { resumeSealTarget } from './resume-seal.js';
import { sessionRecordsTarget } from './session-records.js';
import { streamOpenTarget } from './stream-open.js';
import { strictMsgpackTarget } from './strict-msgpack.js';
import { terminalTextTarget } from './terminal-text.js';
import { tokenFileTarget } from './token-file.js';
import { versionAndAuthorityTarget } from './version-and-authority.js';
import { webSocketReaderTarget } from './websocket-reader.js';

/** Every decoder, then every state machine. */
export const targets: readonly Target[] = [
  framesTarget,
  openBodyTarget,
  streamOpenTarget,
  goAwayTarget,
  controlMessageTarget,
  strictMsgpackTarget,
  openRequestTarget,
  handshakeReaderTarget,
  leaseTarget,
  versionAndAuthorityTarget,
  idTarget,
  certificateTarget,
  keyFileContentTarget,
  accessSecretTarget,
  admissionTextTarget,
  ticketTarget,
  tokenFileTarget,
  calloutAnswerTarget,
  message1PayloadTarget,
  message2PayloadTarget,
  recordReaderTarget,
  recordOpenerTarget,
  resumeSealTarget,
  noiseOwnerTarget,
  noiseDialerTarget,
  addressTarget,
  relayUrlTarget,
  recordFileTarget,
  allowFileTarget,
  configFileTarget,
  listenAddressesTarget,
  clientAddressTarget,
  proxyHeaderTarget,
  ackStateTarget,
  admissionTarget,
  clientAuthenticationTarget,
  clientHostileRelayTarget,
  leaseStoreTarget,
  muxHostileTarget,
  muxPairTarget,
  ownerHostileDialerTarget,
  relayBeforeAuthTarget,
  relayLinksTarget,
  sessionRecordsTarget,
  terminalTextTarget,
  webSocketReaderTarget,
];
