export {
  type EnrolmentToken,
  encodeEnrolmentToken,
  generateEnrolmentToken,
  hashEnrolmentToken,
  parseEnrolmentToken,
  readEnrolmentToken,
  TOKEN_BYTES,
} from './enrolment-token.js';
export {
  createTicket,
  decodeOpenTicket,
  decodeTicket,
  encodeTicket,
  type OpenTicket,
  parseTicket,
  type Ticket,
  type TicketOptions,
} from './ticket.js';
