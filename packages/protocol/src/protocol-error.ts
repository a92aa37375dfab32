import { SealaneError } from '@sealane/types';

/** ERR_PROTOCOL_FRAME: the mux frame, its header or its fixed body is not what v1.md, "Frames", allows. */
export function frameError(message: string): SealaneError {
  return new SealaneError('ERR_PROTOCOL_FRAME', message);
}

/** ERR_PROTOCOL_MESSAGE: a control body that is not exactly one of v1.md, "Control messages". */
export function messageError(message: string): SealaneError {
  return new SealaneError('ERR_PROTOCOL_MESSAGE', message);
}

/** ERR_PROTOCOL_LIMIT: something well formed that is larger than v1.md, "Limits", allows. */
export function limitError(message: string): SealaneError {
  return new SealaneError('ERR_PROTOCOL_LIMIT', message);
}
