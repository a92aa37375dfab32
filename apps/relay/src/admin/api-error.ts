import { type ErrorCode, isSealaneError } from '@sealane/types';

/** Why a request was refused. Stable. */
export type ApiErrorCode =
  | 'BAD_REQUEST'
  | 'INVALID'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'TIMEOUT'
  | 'CONFLICT'
  | 'TOO_LARGE'
  | 'UNSUPPORTED_TYPE'
  | 'WRONG_HOST'
  | 'THROTTLED'
  | 'HEADERS_TOO_LARGE'
  | 'INTERNAL'
  | 'STORAGE'
  | 'BUSY';

/** With the status of HTTP, and a text for people. */
export const apiErrors: Readonly<Record<ApiErrorCode, readonly [number, string]>> = {
  BAD_REQUEST: [400, 'the request cannot be read'],
  INVALID: [400, 'a parameter or a field is not what it has to be'],
  UNAUTHORIZED: [401, 'a token that holds is needed: Authorization: Bearer TOKEN'],
  FORBIDDEN: [403, 'the role of the token does not allow this'],
  NOT_FOUND: [404, 'there is nothing here'],
  METHOD_NOT_ALLOWED: [405, 'this method is not possible here'],
  TIMEOUT: [408, 'the request did not arrive in time'],
  CONFLICT: [409, 'this does not fit to what is'],
  TOO_LARGE: [413, 'the body is too large'],
  UNSUPPORTED_TYPE: [415, 'the body has to be application/json'],
  WRONG_HOST: [421, 'this is not the name of the relay; see admin.hosts'],
  THROTTLED: [429, 'too many attempts without a token that holds'],
  HEADERS_TOO_LARGE: [431, 'the headers are too large'],
  INTERNAL: [500, 'the relay failed'],
  STORAGE: [500, 'the database failed'],
  BUSY: [503, 'too much of this goes on'],
};

export interface ApiErrorOptions {
  /** Code of the relay's own error, where there is one. */
  readonly reason?: ErrorCode;
  /** Each place that is wrong. */
  readonly problems?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown by whatever answers a request of the admin listener; becomes its answer. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly options: ApiErrorOptions;

  constructor(code: ApiErrorCode, message: string = apiErrors[code][1], options: ApiErrorOptions = {}) {
    super(message);
    this.code = code;
    this.options = options;
  }

  get status(): number {
    return apiErrors[this.code][0];
  }

  /** The schema `Error`. */
  get body(): unknown {
    const { reason, problems } = this.options;
    return {
      error: {
        code: this.code,
        message: this.message,
        ...(reason === undefined ? {} : { reason }),
        ...(problems === undefined ? {} : { problems }),
      },
    };
  }
}

/** What the caller did wrong, as opposed to what failed here. */
const callersFault: readonly ErrorCode[] = ['ERR_ARGUMENT', 'ERR_ID_INVALID', 'ERR_NAME_INVALID', 'ERR_CONFIG'];

/** The answer to an error of a handler; undefined for a defect, of which the caller learns nothing. */
export function toApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (!isSealaneError(error)) return undefined;
  const { code, message } = error;
  if (callersFault.includes(code)) return new ApiError('INVALID', message, { reason: code });
  if (code.startsWith('ERR_DATABASE')) return new ApiError('STORAGE', message, { reason: code });
  return undefined;
}
