import { RelayCode, SealaneError } from '@sealane/types';
import type { Awaitable } from '../lease-store.js';
import type {
  AdmissionLimits,
  AdmissionPolicy,
  AdmissionQuestion,
  AdmissionRule,
  Enrolment,
  Verdict,
} from './admission.js';

export interface AdmissionPolicyOptions {
  /**
   * All of these have to admit: a rule, or a list of rules of which one is enough. They are asked from left to right; a
   * list stops at the first that admits, the whole at the first that refuses. None: everybody is admitted.
   */
  readonly require: readonly (AdmissionRule | readonly AdmissionRule[])[];
  /** Default true: who dials stays unknown to the relay, and owners decide whom they let in. */
  readonly anonymousDialers?: boolean;
}

/**
 * A policy from rules. Where somebody has to wait for one part and no other part refuses, it waits; limits of several
 * parts are the tightest of them. @throws ERR_ARGUMENT where dialers must be known and anybody is.
 */
export function createAdmissionPolicy(options: AdmissionPolicyOptions): AdmissionPolicy {
  const clauses = options.require.map((part) => ('judge' in part ? [part] : part));
  const { anonymousDialers = true } = options;
  if (clauses.some((rules) => rules.length === 0)) {
    throw new SealaneError('ERR_ARGUMENT', 'a list of rules without any admits nobody');
  }
  if (!anonymousDialers && clauses.every((rules) => rules.some(({ isOpen }) => isOpen === true))) {
    throw new SealaneError('ERR_ARGUMENT', 'dialers that must be known need a rule that knows some');
  }
  return {
    anonymousDialers,
    judge: (question) => judgeAll(clauses, question, 0, { is: 'admitted' }),
    enrol: (id, token) => enrol(clauses, id, token),
    watch: (onChange) => {
      for (const rule of clauses.flat()) rule.watch?.(onChange);
    },
  };
}

function judgeAll(
  clauses: readonly (readonly AdmissionRule[])[],
  question: AdmissionQuestion,
  from: number,
  before: Verdict,
): Awaitable<Verdict> {
  let verdict = before;
  for (let index = from; index < clauses.length; index += 1) {
    const next = judgeAny(clauses[index]!, question, 0, undefined);
    if (next instanceof Promise) {
      const soFar = verdict;
      return next.then((judged) =>
        judged.is === 'refused' ? judged : judgeAll(clauses, question, index + 1, both(soFar, judged)),
      );
    }
    if (next.is === 'refused') return next;
    verdict = both(verdict, next);
  }
  return verdict;
}

function judgeAny(
  rules: readonly AdmissionRule[],
  question: AdmissionQuestion,
  from: number,
  before: Verdict | undefined,
): Awaitable<Verdict> {
  let best = before;
  for (let index = from; index < rules.length; index += 1) {
    const next = rules[index]!.judge(question);
    if (next instanceof Promise) {
      const soFar = best;
      return next.then((judged) =>
        judged.is === 'admitted' ? judged : judgeAny(rules, question, index + 1, moreTelling(soFar, judged)),
      );
    }
    if (next.is === 'admitted') return next;
    best = moreTelling(best, next);
  }
  return best ?? { is: 'refused', code: RelayCode.DENIED, reason: 'nobody is admitted' };
}

/** Waiting and "nobody could say" leave hope; after them the refusal that says what would help. */
function moreTelling(a: Verdict | undefined, b: Verdict): Verdict {
  if (a === undefined) return b;
  return weight(b) > weight(a) ? b : a;
}

function weight(verdict: Verdict): number {
  if (verdict.is === 'waiting') return 3;
  if (verdict.is === 'admitted') return 4;
  return verdict.code === RelayCode.BUSY ? 2 : verdict.code === RelayCode.TOKEN ? 1 : 0;
}

function both(a: Verdict, b: Verdict): Verdict {
  if (a.is !== 'admitted') return a;
  if (b.is !== 'admitted') return b;
  return { is: 'admitted', limits: tightest(a.limits ?? {}, b.limits ?? {}) };
}

function tightest(a: AdmissionLimits, b: AdmissionLimits): AdmissionLimits {
  const names = new Set([...Object.keys(a), ...Object.keys(b)] as (keyof AdmissionLimits)[]);
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      Math.min(a[name] ?? Number.POSITIVE_INFINITY, b[name] ?? Number.POSITIVE_INFINITY),
    ]),
  );
}

/** A token is used up only where nothing to the left of its rule admits already. */
async function enrol(
  clauses: readonly (readonly AdmissionRule[])[],
  id: string,
  token: Uint8Array,
): Promise<Enrolment | undefined> {
  let result: Enrolment | undefined;
  for (const rules of clauses) {
    for (const rule of rules) {
      if (rule.enrol !== undefined) {
        const enrolment = await rule.enrol(id, token);
        if (enrolment !== 'enrolled') return enrolment;
        result = enrolment;
        break;
      }
      const verdict = rule.judge({ use: 'lease', id, service: '', name: null });
      if (!(verdict instanceof Promise) && verdict.is === 'admitted') break;
    }
  }
  return result;
}
