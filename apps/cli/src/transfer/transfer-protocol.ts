import { SealaneError } from '@sealane/types';

/** What an address is for. The side that printed it says so as ALPN, so that the other one cannot mean something else. */
export const TransferAlpn = {
  /** Who printed the address sends files. */
  SEND: 'sealane/send/1',
  /** Who printed the address receives files. */
  RECEIVE: 'sealane/receive/1',
  /** Bytes both ways. */
  CAT: 'sealane/cat/1',
} as const;

/** Label of the stream that carries one file; the sender opens one after another. */
export const FILE_LABEL = 'file';
/** BLAKE2b-256 of the whole file, the last bytes of the sender's direction. */
export const CHECKSUM_BYTES = 32;
export const MAX_FILES = 10_000;
const MAX_NAME_BYTES = 255;

/** What the sender says of a file, as JSON in the metadata of its stream. */
export interface FileOffer {
  readonly name: string;
  /** Null when it is not known before the end. */
  readonly size: number | null;
  /** From 0, in the order of sending. */
  readonly index: number;
  readonly count: number;
}

/** What the receiver answers: once before the first byte, and once at the end or when it gives up. */
export interface Answer {
  readonly status: AnswerStatus;
  /** At first how many bytes it has already, at the end how many there are. */
  readonly bytes: number;
}

export const AnswerStatus = { OK: 0, EXISTS: 1, NAME: 2, CHECKSUM: 3, STORAGE: 4, PROTOCOL: 5 } as const;
export type AnswerStatus = (typeof AnswerStatus)[keyof typeof AnswerStatus];

/** `status u8 | bytes u64` */
export const ANSWER_BYTES = 9;

export function encodeOffer(offer: FileOffer): Uint8Array {
  if (Buffer.byteLength(offer.name) > MAX_NAME_BYTES) {
    throw new SealaneError(
      'ERR_ARGUMENT',
      `the file name is longer than ${MAX_NAME_BYTES} bytes; give another with --name`,
    );
  }
  const { name, size, index, count } = offer;
  return new TextEncoder().encode(JSON.stringify({ name, size, index, count }));
}

/** ERR_TRANSFER_PROTOCOL for anything that `encodeOffer` does not write. The name is any text: see `assertFileName`. */
export function parseOffer(bytes: Uint8Array): FileOffer {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw broken('what it says about a file is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw broken('it says nothing about a file');
  const { name, size, index, count, ...more } = value as Record<string, unknown>;
  if (Object.keys(more).length > 0) throw broken('it says more about a file than there is to say');
  if (typeof name !== 'string') throw broken('a file has no name');
  if (size !== null && !isCount(size)) throw broken('a file has no size');
  if (!isCount(count) || count < 1 || count > MAX_FILES) throw broken('the number of files is out of range');
  if (!isCount(index) || index >= count) throw broken('the number of a file is out of range');
  return { name, size, index, count };
}

export function encodeAnswer({ status, bytes }: Answer): Uint8Array {
  const answer = new Uint8Array(ANSWER_BYTES);
  answer[0] = status;
  new DataView(answer.buffer).setBigUint64(1, BigInt(bytes));
  return answer;
}

/** ERR_TRANSFER_PROTOCOL; unknown statuses are refusals all the same. */
export function parseAnswer(bytes: Uint8Array): Answer {
  const count = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(1);
  if (count > BigInt(Number.MAX_SAFE_INTEGER)) throw broken('a number is too large');
  return { status: bytes[0] as AnswerStatus, bytes: Number(count) };
}

const refusals: Readonly<Record<number, string>> = {
  [AnswerStatus.EXISTS]: 'it has a file of this name',
  [AnswerStatus.NAME]: 'it does not take this name',
  [AnswerStatus.CHECKSUM]: 'what arrived there is not what was sent',
  [AnswerStatus.STORAGE]: 'it cannot store the file',
  [AnswerStatus.PROTOCOL]: 'it does not understand what was sent',
};

export function refusalError(status: number): SealaneError {
  const reason = refusals[status] ?? 'it does not say why';
  return new SealaneError('ERR_TRANSFER_REFUSED', `the other side does not take the file: ${reason}`, {
    details: { status },
  });
}

/** The status that tells the sender why the receiver gives up. */
export function statusOf(error: SealaneError): AnswerStatus {
  switch (error.code) {
    case 'ERR_FILE_EXISTS':
      return AnswerStatus.EXISTS;
    case 'ERR_TRANSFER_NAME':
    case 'ERR_ARGUMENT':
      return AnswerStatus.NAME;
    case 'ERR_TRANSFER_CHECKSUM':
      return AnswerStatus.CHECKSUM;
    case 'ERR_TRANSFER_PROTOCOL':
      return AnswerStatus.PROTOCOL;
    default:
      return AnswerStatus.STORAGE;
  }
}

export function broken(reason: string): SealaneError {
  return new SealaneError('ERR_TRANSFER_PROTOCOL', `the other side broke the rules of a transfer: ${reason}`);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
