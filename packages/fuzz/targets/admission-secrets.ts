import {
  decodeOpenTicket,
  decodeTicket,
  encodeEnrolmentToken,
  encodeTicket,
  parseEnrolmentToken,
  parseTicket,
} from '@sealane/crypto/admission';
import tickets from '../../crypto/vectors/admission.json' with { type: 'json' };
import { prepareIdentities } from '../src/identities.js';
import type { Target } from '../src/target.js';
import { fromHex, fromText } from '../src/vectors.js';
import { accepted, assertRule, assertSameBytes } from '../src/violation.js';

/** Both texts: whichever the input begins as. */
export const admissionTextTarget: Target = {
  name: 'admission-text',
  shape: { kind: 'text' },
  maxBytes: 700,
  prepare: prepareIdentities,
  seeds: () =>
    [...tickets.tickets, ...tickets.tokens].flatMap(({ text }) => [text, ` ${text.toUpperCase()}\n`]).map(fromText),
  run(input) {
    const text = Buffer.from(input).toString('utf8');
    const token = accepted(['ERR_SECRET_INVALID'], () => parseEnrolmentToken(text));
    if (token !== undefined) assertRule(encodeEnrolmentToken(token) === text.trim().toLowerCase(), 'one text per case');
    const ticket = accepted(['ERR_TICKET_INVALID'], () => parseTicket(text));
    if (ticket !== undefined) assertRule(encodeTicket(ticket) === text.trim().toLowerCase(), 'one text per case');
  },
};

/** What a relay and an owner decode of a stranger's ticket. */
export const ticketTarget: Target = {
  name: 'ticket',
  shape: { kind: 'bytes' },
  maxBytes: 600,
  prepare: prepareIdentities,
  seeds: () => tickets.tickets.flatMap(({ whole, open }) => [fromHex(whole), fromHex(open)]),
  run(input) {
    const open = accepted(['ERR_TICKET_INVALID'], () => decodeOpenTicket(input));
    if (open !== undefined) {
      assertSameBytes(open.bytes, input, 'the open part is what came');
      assertRule(open.id.length === 32 && open.owner.length === 32, 'its fields are whole');
    }
    const ticket = accepted(['ERR_TICKET_INVALID'], () => decodeTicket(input));
    if (ticket === undefined) return;
    assertSameBytes(ticket.whole, input, 'the ticket is what came');
    assertRule(decodeOpenTicket(ticket.bytes).id === ticket.id, 'its open part is a ticket to the relay');
    assertRule(open === undefined, 'nothing is both an open part and a whole');
  },
};
