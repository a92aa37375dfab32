import { blake2b } from '@sealane/crypto';
import { createNodecert, SigningKey } from '@sealane/crypto/credential';
import { SignatureLabel } from '@sealane/crypto/signature';
import { appendSignature, encodeAuthOkUnsigned, encodeMessage } from '@sealane/protocol';
import { seededRandom } from '@sealane/testkit';
import { MessageKind } from '@sealane/types';
import { Authentication } from '../../client/src/link/authentication.js';
import { knownIdentities, prepareIdentities } from '../src/identities.js';
import { Script } from '../src/script.js';
import type { Target } from '../src/target.js';
import { fromHex } from '../src/vectors.js';
import { accepted, assertRule } from '../src/violation.js';

const codes = ['ERR_PROTOCOL_', 'ERR_RELAY_', 'ERR_LINK_PROTOCOL'];

/** A relay that lies to a client that has not let it in yet: who is taken for a relay has proven it. */
export const clientAuthenticationTarget: Target = {
  name: 'client-authentication',
  shape: { kind: 'bytes' },
  maxBytes: 400,
  prepare: prepareIdentities,
  seeds: () =>
    [
      '00 00000000 0100',
      '01 00000000 0100',
      '02 00000000 0101',
      '00 01 0100',
      '00 02000000 0100',
      '00 0000000000 0102',
      '00 0304000000',
      '00 000000ff 0100',
    ].map((hex) => fromHex(hex.replaceAll(' ', ''))),
  run(input) {
    const script = new Script(input);
    const pinned = script.below(3);
    const { owner, stranger, dialer } = knownIdentities();
    const nodeKey = SigningKey.create(seededRandom(31));
    const authentication = new Authentication({
      signer: dialer,
      authority: 'relay.example:443',
      relayId: [undefined, stranger.id, owner.id][pinned],
      features: 1,
      initialWindow: 1_000,
      maxStreams: 10,
      random: seededRandom(32),
    });
    let hello: Uint8Array | undefined;
    let isHonest = true;
    let auth: Uint8Array | undefined;
    for (let step = 0; step < 8 && !script.isOver; step++) {
      const what = script.below(4);
      let body: Uint8Array | undefined;
      if (what === 0) {
        const isTrue = script.below(4);
        isHonest &&= isTrue === 0;
        const certified =
          isTrue === 1 ? new Uint8Array(132) : createNodecert(isTrue === 2 ? owner : stranger, 1, nodeKey.publicKey);
        const limits = script.pick([1_000, 0, 1, 0xffff_ffff]);
        body = accepted(codes, () =>
          encodeMessage({
            kind: MessageKind.HELLO,
            relay: stranger.publicKey,
            nodecert: certified,
            challenge: new Uint8Array(32).fill(script.u8()),
            features: script.u8(),
            limits: {
              maxMessage: limits,
              maxData: limits,
              initialWindow: limits,
              maxStreams: limits,
              leaseTtlMinMs: 10_000,
              leaseTtlMaxMs: 300_000,
              idleMs: 5_000,
            },
          }),
        );
        hello ??= body;
      } else if (what === 1) {
        const unsigned = encodeAuthOkUnsigned({ features: script.u8(), linkId: new Uint8Array(8) });
        const lie = script.below(4);
        const signer = lie === 1 ? SigningKey.create(seededRandom(33)) : nodeKey;
        const about = lie === 2 ? new Uint8Array(1) : (hello ?? new Uint8Array(0));
        const answered = lie === 3 ? new Uint8Array(1) : (auth ?? new Uint8Array(0));
        isHonest &&= lie === 0;
        body = appendSignature(
          unsigned,
          signer.sign(SignatureLabel.AUTH_OK, blake2b(32, about), blake2b(32, answered), unsigned),
        );
      } else if (what === 2) {
        body = script.string().slice();
      } else {
        body = encodeMessage({
          kind: MessageKind.ERROR,
          request: script.u8(),
          code: script.u8(),
          text: 'no',
          value: script.u32(),
        });
      }
      if (body === undefined) return;
      const given = body;
      const result = accepted(codes, () => authentication.receive(given));
      if (result === undefined) return;
      if ('auth' in result) auth = result.auth instanceof Promise ? undefined : result.auth;
      if (!('relay' in result)) continue;
      assertRule(isHonest && auth !== undefined && what === 1, 'who is taken for a relay has proven it');
      assertRule(result.relay.relayId === stranger.id && pinned !== 2, 'a relay is the one that was expected');
      assertRule(accepted(codes, () => authentication.receive(given)) === undefined, 'nothing follows AUTH_OK');
      return;
    }
  },
};
