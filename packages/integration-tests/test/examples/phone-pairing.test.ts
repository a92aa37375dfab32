import { parseAddress } from '@sealane/client';
import { loadCrypto } from '@sealane/crypto';
import { encodeAccessSecret, generateAccessSecret } from '@sealane/crypto/credential';
import { photographQr } from '@sealane/testkit';
import decodeQr from 'qr/decode.js';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { ClientStack, exchange } from '../support/client-stack.js';
import { ExampleStage, output, printed } from './example-stage.js';

const stack = new ClientStack();
afterEach(() => stack.close());

beforeAll(loadCrypto);

const desktop = 'phone-pairing/desktop.js ws';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The one-time address in a link. */
function addressIn(link: string): string {
  const fragment = link.slice(link.indexOf('#') + 1);
  return fragment.replace(/!(?=[^!]*$)/, '#');
}

test('phone-pairing: a foreign reader reads the link from the code; without the secret of it nobody is paired', async () => {
  await using stage = await ExampleStage.open('phone-pairing');
  const program = stage.run(desktop, { 8080: '0' });
  const link = await printed(program, 'link');
  const drawing = program.stdout.split('\n').filter((line) => line.startsWith('\u001b[30;107m'));
  expect(decodeQr(photographQr(drawing.join('\n'), false))).toBe(link);

  const { accessSecret, ...open } = parseAddress(addressIn(link));
  expect(encodeAccessSecret(accessSecret!)).toContain(link.slice(-52));
  const stranger = await stack.client(open.relays[0]!.url);
  await expect(stranger.dial(open)).rejects.toMatchObject({ code: 'ERR_E2EE_DAMAGED' });
  await expect(stranger.dial({ ...open, accessSecret: generateAccessSecret() })).rejects.toMatchObject({
    code: 'ERR_E2EE_DAMAGED',
  });
  // Nothing was used up by it.
  expect((await stranger.dial(addressIn(link))).peerId).toBe(open.id);
  expect(await program.stop()).toEqual({ code: 0, signal: null });
});

test('phone-pairing: the code belongs to the first phone that was confirmed, and its key alone opens the permanent address', async () => {
  await using stage = await ExampleStage.open('phone-pairing');
  const program = stage.run(desktop, { 8080: '0' });
  const code = addressIn(await printed(program, 'link'));
  const relayUrl = parseAddress(code).relays[0]!.url;
  const phone = await stack.client(relayUrl);
  const other = await stack.client(relayUrl);
  const first = await phone.dial(code);
  await first.ping();
  await expect(other.dial(code)).rejects.toMatchObject({
    code: 'ERR_E2EE_DENIED',
    message: expect.stringContaining('another phone has used this code'),
  });
  const answer = await exchange(await first.openStream({ metadata: bytes('Phone \u001b[31m') }), new Uint8Array(0));
  const { address } = JSON.parse(new TextDecoder().decode(answer)) as { address: string };
  expect(await printed(program, 'paired')).toBe(`${phone.id} Phone �[31m`);
  expect(parseAddress(address)).toMatchObject({ id: parseAddress(code).id, service: 'phone' });
  expect(address).not.toContain('#');

  await expect(other.dial(code)).rejects.toMatchObject({ code: 'ERR_RELAY_NO_OWNER' });
  await expect(other.dial(address)).rejects.toMatchObject({ code: 'ERR_E2EE_DENIED' });
  const session = await phone.dial(address);
  expect(
    new TextDecoder().decode(await exchange(await session.openStream({ label: 'text' }), bytes('a\nb\u0007'))),
  ).toBe('received');
  expect(await printed(program, 'text')).toBe('a ⏎ b�');
  const page = await session.openStream({ label: 'photo', metadata: bytes('text/html') });
  await expect(exchange(page, bytes('<script>'))).rejects.toMatchObject({ code: 'ERR_STREAM_CANCELLED' });
  const long = await session.openStream({ label: 'text' });
  await expect(exchange(long, new Uint8Array(65_537))).rejects.toMatchObject({ code: 'ERR_STREAM_CANCELLED' });

  const forgetting = stage.run('phone-pairing/desktop.js --forget');
  expect(await output(forgetting)).toBe('forgot 1 phone\n');
  await expect(exchange(await session.openStream({ label: 'text' }), bytes('still here'))).rejects.toThrow();
  await expect(phone.dial(address)).rejects.toMatchObject({ code: 'ERR_E2EE_DENIED' });
  expect(program.stdout).not.toContain('still here');
  expect(await program.stop()).toEqual({ code: 0, signal: null });
});
