import { Suite } from '@sealane/types';
import { expect, test } from 'vitest';
import { parsePattern } from '../noise/patterns.js';
import { suitePattern } from './suites.js';

test('the patterns of the suites are IK and IKpsk2 as the specification writes them', () => {
  expect(suitePattern).toEqual({ [Suite.CLASSICAL]: parsePattern('IK'), [Suite.HYBRID]: parsePattern('IKpsk2') });
});
