// Tokens and tickets: their bytes, texts, and what must be refused.
import {
  createTicket,
  encodeEnrolmentToken,
  encodeTicket,
  hashEnrolmentToken,
  readEnrolmentToken,
} from '../../dist/admission/index.js';
import { Credential } from '../../dist/credential/index.js';
import { loadCrypto } from '../../dist/index.js';

const hexOf = (bytes) => Buffer.from(bytes).toString('hex');
/** Bytes that grow by one: a generator that repeats itself. */
const counting = (first) => {
  let next = first;
  return (length) => Uint8Array.from({ length }, () => next++ & 0xff);
};

export async function generate() {
  await loadCrypto();
  const owner = await Credential.create({ random: counting(1) });
  const dialer = await Credential.create({ random: counting(101) });
  const tokens = [1, 200].map((first) => {
    const token = readEnrolmentToken(counting(first)(32));
    return {
      bytes: hexOf(token.bytes),
      id: token.id,
      hash: hexOf(hashEnrolmentToken(token)),
      text: encodeEnrolmentToken(token),
    };
  });
  const terms = [
    { service: '', notAfterMs: 1_800_000_000_000, uses: 1 },
    { service: 'ssh', notAfterMs: 1_800_000_000_000, uses: 0, dialer: dialer.publicKey, alpn: 'sealane/stream/1' },
  ];
  const tickets = [];
  for (const options of terms) {
    const ticket = await createTicket(owner, { ...options, random: counting(50) });
    tickets.push({
      owner: hexOf(ticket.owner),
      id: ticket.id,
      service: ticket.service,
      notAfterMs: ticket.notAfterMs,
      uses: ticket.uses,
      dialer: ticket.dialer === undefined ? null : hexOf(ticket.dialer),
      alpn: ticket.alpn ?? null,
      open: hexOf(ticket.bytes),
      whole: hexOf(ticket.whole),
      text: encodeTicket(ticket),
    });
  }
  const changed = (hex, at, to) => hex.slice(0, 2 * at) + to + hex.slice(2 * at + 2);
  const [bearer, named] = tickets;
  const openBytes = bearer.open.length / 2;
  const invalidTickets = [
    { reason: 'a version that is not known', whole: changed(bearer.whole, 0, '02') },
    { reason: 'another owner', whole: changed(bearer.whole, 1, 'ff') },
    { reason: 'a later time than was signed', whole: changed(bearer.whole, 49, '01') },
    { reason: 'more uses than were signed', whole: changed(bearer.whole, 60, '02') },
    { reason: 'the terms of another ticket', whole: bearer.open + named.whole.slice(named.open.length) },
    { reason: 'a secret that was changed', whole: changed(bearer.whole, openBytes, 'ff') },
    { reason: 'without terms', whole: bearer.open },
    { reason: 'with a byte too many', whole: `${bearer.whole}00` },
  ];
  return { 'admission.json': { tokens, tickets, invalidTickets } };
}
