import { RecordType, Suite } from '@sealane/types';
import { Credential, parseKeycert } from '../../dist/credential/index.js';
import {
  createInstance,
  DialerHandshake,
  encodeAbort,
  encodeFramesPrefix,
  OwnerHandshake,
} from '../../dist/e2ee/index.js';
import { loadCrypto } from '../../dist/sodium.js';
import { fixedBytes, fixedRandom } from './identity.mjs';

const dialerParameters = { maxRecordPlaintext: 66_048, initialWindow: 262_144, maxStreams: 1_024, features: 1 };
const ownerParameters = { maxRecordPlaintext: 8_704, initialWindow: 65_536, maxStreams: 16, features: 0 };
const service = 'web';
const alpn = ['sealane/stream/1', 'example/2'];

/** Vectors of both suites' messages, of every record type and of RESUME, from fixed keys. */
export async function generate() {
  await loadCrypto();
  return {
    'handshake-suite-1.json': await handshake(Suite.CLASSICAL),
    'handshake-suite-2.json': await handshake(Suite.HYBRID),
    'handshake-suite-2-access-secret.json': await handshake(Suite.HYBRID, fixedBytes('access secret')),
  };
}

async function handshake(suite, accessSecret) {
  const title = `handshake ${suite}${accessSecret === undefined ? '' : ' access secret'}`;
  const ownerCredential = await Credential.create({ random: fixedRandom('owner') });
  const dialerCredential = await Credential.create({ random: fixedRandom('dialer') });
  const dialerRandom = recorded(fixedRandom(`${title} dialer`));
  const ownerRandom = recorded(fixedRandom(`${title} owner`));
  const common = { suites: [suite], ...(accessSecret && { accessSecret }) };
  const dialer = DialerHandshake.create({
    ...common,
    credential: dialerCredential,
    owner: parseKeycert(ownerCredential.keycert),
    service,
    alpn,
    parameters: dialerParameters,
    random: dialerRandom.random,
  });
  const message1 = dialer.createMessage1();
  const open = (random) =>
    OwnerHandshake.open(message1, {
      ...common,
      credential: ownerCredential,
      connectionId: dialer.connectionId,
      random,
    });
  const refusal = open(fixedRandom(`${title} owner`)).refuse(1, 'not on the list');
  const processSecret = fixedBytes('process secret');
  const instance = createInstance(processSecret, ownerCredential.publicKey, service);
  const accepted = open(ownerRandom.random).accept({ alpn: alpn[1], parameters: ownerParameters, instance });
  const { keys } = dialer.readMessage2(accepted.message2);
  return {
    suite,
    ownerKeycert: hex(ownerCredential.keycert),
    ownerX25519Secret: hex(ownerCredential.handshakeKey(1).secret),
    dialerKeycert: hex(dialerCredential.keycert),
    dialerX25519Secret: hex(dialerCredential.handshakeKey(1).secret),
    accessSecret: accessSecret ? hex(accessSecret) : null,
    service,
    alpn,
    dialerParameters,
    ownerParameters,
    chosenAlpn: alpn[1],
    processSecret: hex(processSecret),
    instance: hex(instance),
    // In the order of use: connection id, (KEM seed,) ephemeral secret; (encapsulation seed,) ephemeral secret.
    dialerRandom: dialerRandom.log,
    ownerRandom: ownerRandom.log,
    connectionId: hex(dialer.connectionId),
    message1: hex(message1),
    message2: hex(accepted.message2),
    message2Refusal: { code: 1, reason: 'not on the list', message2: hex(refusal) },
    channelBinding: hex(keys.channelBinding),
    resumeId: hex(keys.resumeId),
    exported: { label: 'app/vector', length: 32, key: hex(keys.exportKey('app/vector', 32)) },
    ...records(keys, accepted.keys),
    resume: [
      resume(keys, 1, { status: 0, nextExpected: 7, nextSealed: 9 }),
      resume(accepted.keys, 1, { status: 0, nextExpected: 9, nextSealed: 2 ** 32 }),
    ],
  };
}

function records(dialer, owner) {
  const ping = Buffer.from('03000000000000080102030405060708', 'hex');
  const frames = (ack) => [encodeFramesPrefix(ack), ping];
  const fromDialer = dialer.createSealer();
  const fromOwner = owner.createSealer();
  return {
    recordsFromDialer: [
      record(fromDialer, RecordType.CONFIRM, [encodeFramesPrefix(0)]),
      record(fromDialer, RecordType.FRAMES, frames(1)),
      record(fromDialer, RecordType.FRAMES, frames(1), 20),
      record(fromDialer, RecordType.REKEY, []),
      record(fromDialer, RecordType.PAD, [new Uint8Array(100)]),
      record(fromDialer, RecordType.CLOSE, []),
    ],
    recordsFromOwner: [
      record(fromOwner, RecordType.FRAMES, frames(1)),
      record(fromOwner, RecordType.FRAMES, [encodeFramesPrefix(2), new Uint8Array(4_096)]),
      record(fromOwner, RecordType.ABORT, [encodeAbort(6)]),
    ],
  };
}

function record(sealer, type, parts, padding) {
  const number = sealer.nextNumber;
  const sealed = sealer.seal(type, parts, padding === undefined ? {} : { padding });
  return { number, type, body: hex(Buffer.concat(parts)), padding: padding ?? null, record: hex(sealed) };
}

function resume(keys, pathNumber, state) {
  return { role: keys.role, pathNumber, ...state, sealed: hex(keys.sealResume(pathNumber, state)) };
}

function recorded(random) {
  const log = [];
  const recording = (length) => {
    const bytes = random(length);
    log.push(hex(bytes));
    return bytes;
  };
  return { random: recording, log };
}

function hex(bytes) {
  return Buffer.from(bytes).toString('hex');
}
