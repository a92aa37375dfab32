import type { Awaitable } from '../lease-store.js';
import type { AdmissionPolicy, AdmissionQuestion, Enrolment, Verdict } from './admission.js';

/** A policy in whose place another one can be put while the relay serves: whoever it does not admit loses what is open. */
export class SwitchablePolicy implements AdmissionPolicy {
  #current: AdmissionPolicy;
  #onChange: (id: string | undefined) => void = () => undefined;

  constructor(policy: AdmissionPolicy) {
    this.#current = policy;
    this.#watch(policy);
  }

  get anonymousDialers(): boolean {
    return this.#current.anonymousDialers;
  }

  replace(policy: AdmissionPolicy): void {
    this.#current = policy;
    this.#watch(policy);
    this.#onChange(undefined);
  }

  judge(question: AdmissionQuestion): Awaitable<Verdict> {
    return this.#current.judge(question);
  }

  enrol(id: string, token: Uint8Array): Awaitable<Enrolment | undefined> {
    return this.#current.enrol(id, token);
  }

  watch(onChange: (id: string | undefined) => void): void {
    this.#onChange = onChange;
  }

  #watch(policy: AdmissionPolicy): void {
    policy.watch((id) => {
      // What an earlier policy says is nobody's answer any more.
      if (policy === this.#current) this.#onChange(id);
    });
  }
}
