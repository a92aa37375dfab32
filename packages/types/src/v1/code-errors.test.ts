import { expect, test } from 'vitest';
import { relayError } from './code-errors.js';
import { ErrorCode } from './error.js';
import { RelayCode } from './wire.js';

test.each(Object.entries(RelayCode))(
  'a refusal with %s is the error of its name, and says its text',
  (name, number) => {
    const error = relayError(number);
    expect(error.code).toBe(`ERR_RELAY_${name}`);
    expect(error.message).toBe(ErrorCode[error.code]);
    expect(error.message).not.toBe(error.code);
  },
);

test.each([0, 22, 23, 65_535])('a refusal with the number %i is one that is not known here', (number) => {
  expect(relayError(number)).toMatchObject({ code: 'ERR_RELAY_UNKNOWN', message: ErrorCode.ERR_RELAY_UNKNOWN });
});
