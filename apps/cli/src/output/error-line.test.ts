import { SealaneError } from '@sealane/types';
import { describe, expect, it } from 'vitest';
import { encodeErrorLine, exitCodeOf, formatErrorLine, toSealaneError, usageError } from './error-line.js';

describe('error line', () => {
  it('says what happened, what to do, and the code', () => {
    expect(formatErrorLine(new SealaneError('ERR_RELAY_NAME_TAKEN'))).toBe(
      'error: the name belongs to somebody else; choose another --name, or leave it out and use the id (ERR_RELAY_NAME_TAKEN)',
    );
  });

  it('stays one line, whatever a peer put into the reason', () => {
    const line = formatErrorLine(new SealaneError('ERR_E2EE_DENIED', 'no\r\n\u001b]0;x\u0007way'));
    expect(line).toMatch(/^[ -~]+ \(ERR_E2EE_DENIED\)$/);
  });

  it('is one JSON object where standard error holds JSON lines', () => {
    const line = encodeErrorLine(new SealaneError('ERR_LINK_LOST'), true);
    expect(JSON.parse(line)).toEqual({
      event: 'error',
      code: 'ERR_LINK_LOST',
      message: 'error: the link to the relay was lost (ERR_LINK_LOST)',
    });
  });

  it('has exit code 2 for wrong usage and 1 for everything else', () => {
    expect(exitCodeOf(usageError('no'))).toBe(2);
    expect(exitCodeOf(new SealaneError('ERR_ARGUMENT'))).toBe(1);
    expect(exitCodeOf(new Error('x'))).toBe(1);
  });

  it('tells errors of the system from defects', () => {
    const system = Object.assign(new Error('connect EACCES /x'), { code: 'EACCES' });
    expect(toSealaneError(system).code).toBe('ERR_SYSTEM');
    expect(toSealaneError(new TypeError('x is not a function')).code).toBe('ERR_INTERNAL');
    expect(toSealaneError('text').code).toBe('ERR_INTERNAL');
  });
});
