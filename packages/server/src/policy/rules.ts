import { readEnrolmentToken } from '@sealane/crypto/admission';
import { type Clock, RelayCode, systemClock } from '@sealane/types';
import type { AdmissionRule, Verdict } from './admission.js';
import type { ApprovalState, ApprovalStore } from './approval-store.js';
import type { TokenStore } from './token-store.js';

const admitted: Verdict = { is: 'admitted' };

/** Everybody. */
export function open(): AdmissionRule {
  return { isOpen: true, judge: () => admitted };
}

/** The identities of a list that may be replaced while the relay runs; who is struck off loses what is open. */
export class Allowlist implements AdmissionRule {
  #ids: ReadonlySet<string>;
  #onChange: (id: string | undefined) => void = () => undefined;

  /** Text ids. */
  constructor(ids: Iterable<string> = []) {
    this.#ids = new Set(ids);
  }

  get size(): number {
    return this.#ids.size;
  }

  replace(ids: Iterable<string>): void {
    const before = this.#ids;
    this.#ids = new Set(ids);
    for (const id of before) if (!this.#ids.has(id)) this.#onChange(id);
    for (const id of this.#ids) if (!before.has(id)) this.#onChange(id);
  }

  judge({ id }: { readonly id: string }): Verdict {
    if (this.#ids.has(id)) return admitted;
    return { is: 'refused', code: RelayCode.DENIED, reason: 'this identity is not on the list of the relay' };
  }

  watch(onChange: (id: string | undefined) => void): void {
    this.#onChange = onChange;
  }
}

/** Identities that showed an enrolment token once, until the token is revoked. */
export function tokens(store: TokenStore, clock: Clock = systemClock): AdmissionRule {
  const judged = (isEnrolled: boolean): Verdict =>
    isEnrolled ? admitted : { is: 'refused', code: RelayCode.TOKEN, reason: 'an enrolment token is needed' };
  return {
    judge: ({ id }) => {
      const isEnrolled = store.isEnrolled(id);
      return isEnrolled instanceof Promise ? isEnrolled.then(judged) : judged(isEnrolled);
    },
    enrol: (id, bytes) =>
      bytes.length === 32 ? store.enrol(readEnrolmentToken(bytes), id, clock.wallMs()) : 'unknown',
    watch: (onChange) => store.watch(onChange),
  };
}

/** Identities that an operator approved; the lease of another one waits, and nobody reaches it meanwhile. */
export function approval(store: ApprovalStore): AdmissionRule {
  return {
    judge: ({ id, service }) => {
      const state = store.stateOf(id, service);
      return state instanceof Promise ? state.then(approvalVerdict) : approvalVerdict(state);
    },
    watch: (onChange) => store.watch(onChange),
  };
}

function approvalVerdict(state: ApprovalState): Verdict {
  if (state.is === 'approved') return admitted;
  if (state.is === 'undecided') {
    return { is: 'waiting', reason: 'an operator of the relay has to approve this identity' };
  }
  const why = state.reason === '' ? '' : `: ${state.reason}`;
  return { is: 'refused', code: RelayCode.DENIED, reason: `an operator of the relay denied this${why}` };
}
