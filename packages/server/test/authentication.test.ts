import { bytesEqual } from '@sealane/crypto';
import { Credential, parseNodecert, SigningKey } from '@sealane/crypto/credential';
import { encodeFrame, encodeMessage } from '@sealane/protocol';
import { FrameType, MessageKind, RelayCode } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { createRelayInMemory } from './relay-in-memory.js';

function flip(body: Uint8Array, index: number): Uint8Array {
  const copy = body.slice();
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

const { AUTH, MALFORMED, WRONG_AUTHORITY, LIMIT, BUSY } = RelayCode;

describe('authentication', () => {
  it('greets with an identity, a nodecert of it, and a challenge of its own for every link', async () => {
    const { relay, key, connect } = await createRelayInMemory();
    const [first, second] = [await connect(), await connect()];
    expect(first.client.isUp).toBe(true);
    const [one, two] = [first.client.hello, second.client.hello];
    if (one === undefined || two === undefined) throw new Error('no HELLO');
    expect(bytesEqual(one.relay, key)).toBe(true);
    expect(bytesEqual(parseNodecert(one.nodecert).identity, key)).toBe(true);
    expect(bytesEqual(one.challenge, two.challenge)).toBe(false);
    expect(relay.statistics().links).toBe(2);
  });

  it.each([
    ['another signature', (body: Uint8Array) => flip(body, body.length - 1)],
    ['another nonce', (body: Uint8Array) => flip(body, 50)],
    ['another client key', (body: Uint8Array) => flip(body, 10)],
  ])('refuses %s with AUTH and ends the link', async (_what, tamper) => {
    const { relay, connect, pass } = await createRelayInMemory();
    const { client } = await connect({ tamper });
    await pass();
    expect(client.errorCodes).toEqual([AUTH]);
    expect(client.end?.code).toBe(1008);
    expect(relay.statistics().refusals).toEqual({ AUTH: 1 });
    expect(relay.statistics().links).toBe(0);
  });

  it('refuses an answer that was made for another relay', async () => {
    const other = await createRelayInMemory();
    const { client } = await other.connect();
    const stolen = client.authBody();
    const { connect } = await createRelayInMemory();
    const { client: thief } = await connect({ tamper: () => stolen });
    expect(thief.errorCodes).toEqual([AUTH]);
  });

  it('refuses a client key of low order, under which anything verifies', async () => {
    const { connect } = await createRelayInMemory();
    const lowOrder = new Uint8Array(32);
    lowOrder[0] = 1;
    const forged = new Uint8Array(64);
    forged[0] = 1;
    const { client } = await connect({ signer: { publicKey: lowOrder, sign: () => forged } });
    expect(client.errorCodes).toEqual([AUTH]);
  });

  it('names its address to a client that dialed another one', async () => {
    const { connect } = await createRelayInMemory({ authorities: ['relay.example:443', '[2001:db8::1]:8787'] });
    const wrong = await connect({ authority: 'evil.example:443' });
    expect(wrong.client.errorCodes).toEqual([WRONG_AUTHORITY]);
    expect(wrong.client.messages).toContainEqual(expect.objectContaining({ text: 'this relay is relay.example:443' }));
    expect((await connect({ authority: '[2001:db8::1]:8787' })).client.isUp).toBe(true);
  });

  it('cuts an address that is too long, so that no answer before AUTH is larger than HELLO', async () => {
    const authority = `${new Array(4).fill('a'.repeat(60)).join('.')}.example:443`;
    const { connect } = await createRelayInMemory({ authorities: [authority] });
    const { client, far } = await connect({ authority: 'evil.example:443' });
    const helloBytes = encodeFrame(FrameType.MESSAGE, 0, 0, encodeMessage(client.hello ?? { kind: MessageKind.HELD }));
    expect(far.sentBytes - helloBytes.length).toBeLessThanOrEqual(helloBytes.length);
    expect(client.messages).toMatchObject([{ text: `this relay is ${authority}`.slice(0, 200) }]);
  });

  it.each([
    ['nothing that is a frame', new Uint8Array([1, 2, 3])],
    ['an empty message', new Uint8Array(0)],
    ['a frame whose length is 0xFFFFFF', new Uint8Array([6, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff])],
    ['DATA', encodeFrame(FrameType.DATA, 1, 1, new Uint8Array(10))],
    ['another message', encodeFrame(FrameType.MESSAGE, 0, 0, encodeMessage({ kind: MessageKind.HELD }))],
    [
      'two frames',
      concat(
        encodeFrame(FrameType.PING, 0, 0, new Uint8Array(8)),
        encodeFrame(FrameType.PING, 0, 0, new Uint8Array(8)),
      ),
    ],
    ['more than 4 KiB', encodeFrame(FrameType.MESSAGE, 0, 0, new Uint8Array(4_096))],
  ])('answers %s instead of AUTH with MALFORMED', async (_what, message) => {
    const { relay, connect, pass } = await createRelayInMemory();
    const { client: silent } = await connect({ isSilent: true });
    silent.sendRaw(message);
    await pass();
    await pass();
    expect(silent.errorCodes).toEqual([MALFORMED]);
    expect(relay.statistics().links).toBe(0);
  });

  it('lets an identity have only so many links', async () => {
    const { connect } = await createRelayInMemory({ limits: { linksPerIdentity: 2 } });
    const signer = SigningKey.create();
    const [first, second, third] = [await connect({ signer }), await connect({ signer }), await connect({ signer })];
    expect([first.client.isUp, second.client.isUp, third.client.isUp]).toEqual([true, true, false]);
    expect(third.client.errorCodes).toEqual([LIMIT]);
    expect((await connect()).client.isUp).toBe(true);
  });

  it('answers more requests than a link may make with BUSY', async () => {
    const { relay, owner, pass } = await createRelayInMemory({ limits: { requestsPerLinkPerSecond: 5 } });
    const { client } = await owner();
    const requests = Array.from({ length: 12 }, () => {
      const request = client.nextRequest();
      client.send({ kind: MessageKind.LOOKUP, request, name: 'nobody', id: null, service: '' });
      return request;
    });
    await pass();
    const codes = requests
      .map((request) => client.answerTo(request))
      .map((answer) => answer?.kind === MessageKind.ERROR && answer.code);
    expect(codes.filter((code) => code === BUSY)).toHaveLength(2);
    expect(relay.statistics().refusals['BUSY']).toBe(2);
  });

  it('ends a link that sends a message which clients do not send', async () => {
    const { connect, pass } = await createRelayInMemory();
    const { client } = await connect({ signer: await Credential.create() });
    client.send({ kind: MessageKind.SUPERSEDED, service: '', by: 0 });
    await pass();
    await pass();
    expect(client.errorCodes).toEqual([MALFORMED]);
    expect(client.end).toBeDefined();
  });
});
