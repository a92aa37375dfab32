export type {
  AdmissionLimits,
  AdmissionPolicy,
  AdmissionQuestion,
  AdmissionRule,
  Enrolment,
  Verdict,
} from './admission.js';
export { type ApprovalState, type ApprovalStore, MemoryApprovalStore } from './approval-store.js';
export { type AdmissionPolicyOptions, createAdmissionPolicy } from './create-admission-policy.js';
export { HttpCallout, type HttpCalloutOptions } from './http-callout.js';
export { Allowlist, approval, open, tokens } from './rules.js';
export { SwitchablePolicy } from './switchable-policy.js';
export { type CountedTicket, MemoryTicketUseStore, type TicketUseStore } from './ticket-use-store.js';
export { MemoryTokenStore, type TokenRecord, type TokenState, type TokenStore } from './token-store.js';
