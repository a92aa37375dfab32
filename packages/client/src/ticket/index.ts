export {
  createTicket,
  type EnrolmentToken,
  encodeTicket,
  type OpenTicket,
  parseEnrolmentToken,
  parseTicket,
  type Ticket,
  type TicketOptions,
} from '@sealane/crypto/admission';
export { TicketGate, type TicketGateOptions } from './ticket-gate.js';
export { MemoryTicketUses, type TicketUses } from './ticket-uses.js';
