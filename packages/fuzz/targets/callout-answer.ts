import { RelayCode } from '@sealane/types';
import { parseAnswer } from '../../server/src/policy/http-callout.js';
import type { Target } from '../src/target.js';
import { fromText } from '../src/vectors.js';
import { assertRule } from '../src/violation.js';

export const calloutAnswerTarget: Target = {
  name: 'callout-answer',
  shape: { kind: 'text' },
  maxBytes: 1_024,
  seeds: () =>
    [
      '{"allow":true}',
      '{"allow":false,"reason":"no"}',
      '{"allow":true,"limits":{"sessions":3,"connectsPerSecond":10,"leaseTtlMs":20000}}',
    ].map(fromText),
  run(input) {
    let verdict: ReturnType<typeof parseAnswer>;
    try {
      verdict = parseAnswer(Buffer.from(input).toString('utf8'));
    } catch (error) {
      assertRule(
        error instanceof Error && /^(its|it|a) /.test(error.message),
        'what is no answer has a reason that may be told',
      );
      return;
    }
    if (verdict.is === 'refused') {
      assertRule(verdict.code === RelayCode.DENIED && verdict.reason.length <= 200, 'a refusal is one');
    }
    if (verdict.is === 'admitted') {
      const limits = Object.values(verdict.limits ?? {});
      assertRule(
        limits.every((value) => Number.isSafeInteger(value) && value >= 0),
        'limits are whole numbers',
      );
    }
  },
};
