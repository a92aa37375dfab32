import { beforeAll, expect, it } from 'vitest';
import { Credential } from '../credential/credential.js';
import { loadCrypto } from '../sodium.js';
import { createTicket, decodeOpenTicket, decodeTicket, encodeTicket, parseTicket, type Ticket } from './ticket.js';

let owner: Credential;
const invalid: unknown = expect.objectContaining({ code: 'ERR_TICKET_INVALID' });

beforeAll(async () => {
  await loadCrypto();
  owner = await Credential.create();
});

async function ticketOf(options: Partial<Parameters<typeof createTicket>[1]> = {}): Promise<Ticket> {
  return await createTicket(owner, { notAfterMs: 1_800_000_000_000, ...options });
}

it('a ticket is read back from its text with all its terms', async () => {
  const dialer = (await Credential.create()).publicKey;
  const ticket = await ticketOf({ service: 'ssh', dialer, alpn: 'x/1', uses: 3 });
  expect(parseTicket(` ${encodeTicket(ticket).toUpperCase()} `)).toEqual(ticket);
  expect(ticket).toMatchObject({ service: 'ssh', dialer, alpn: 'x/1', uses: 3, notAfterMs: 1_800_000_000_000 });
  expect(ticket.owner).toEqual(owner.publicKey);
  const bearer = await ticketOf();
  expect(bearer).toMatchObject({ service: '', dialer: undefined, alpn: undefined, uses: 0 });
});

it('every bit of a ticket is signed or bound by what is: a changed one is none', async () => {
  const ticket = await ticketOf({ service: 'ssh', alpn: 'x/1' });
  for (let index = 0; index < ticket.whole.length; index += 1) {
    const changed = ticket.whole.slice();
    changed[index]! ^= 1 << (index % 8);
    expect(() => decodeTicket(changed), `byte ${index}`).toThrow(invalid);
  }
  for (let length = 0; length < ticket.whole.length; length += 1) {
    expect(() => decodeTicket(ticket.whole.subarray(0, length)), `${length} bytes`).toThrow(invalid);
    if (length !== ticket.bytes.length)
      expect(() => decodeOpenTicket(ticket.whole.subarray(0, length))).toThrow(invalid);
  }
  expect(() => decodeTicket(Buffer.concat([ticket.whole, Buffer.of(0)]))).toThrow(invalid);
});

it('the open part says nothing of the dialer and the protocol, and is no ticket without its terms', async () => {
  const dialer = (await Credential.create()).publicKey;
  const ticket = await ticketOf({ dialer, alpn: 'secret-protocol' });
  const open = Buffer.from(ticket.bytes);
  expect(open.includes(Buffer.from(dialer))).toBe(false);
  expect(open.includes('secret-protocol')).toBe(false);
  expect(decodeOpenTicket(ticket.bytes)).toMatchObject({ id: ticket.id, uses: 0 });
  expect(() => decodeTicket(ticket.bytes)).toThrow(invalid);
  const other = await ticketOf();
  const swapped = Buffer.concat([ticket.bytes, other.whole.subarray(other.bytes.length)]);
  expect(() => decodeTicket(swapped)).toThrow(invalid);
});

it('what no ticket has is refused before it is signed', async () => {
  const wrong: Partial<Parameters<typeof createTicket>[1]>[] = [
    { service: 'Not One' },
    { uses: -1 },
    { uses: 1.5 },
    { uses: 2 ** 32 },
    { notAfterMs: -1 },
    { notAfterMs: 0.5 },
    { dialer: new Uint8Array(31) },
    { dialer: new Uint8Array(32) },
    { alpn: '' },
    { alpn: 'a'.repeat(65) },
  ];
  for (const options of wrong) {
    await expect(ticketOf(options), JSON.stringify(options)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  }
});
