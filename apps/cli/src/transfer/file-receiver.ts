import type { SecureConnection, SecureStream } from '@sealane/client';
import { Blake2b, bytesEqual } from '@sealane/crypto';
import { ResetCode, SealaneError } from '@sealane/types';
import { toSealaneError } from '../output/error-line.js';
import type { Reporter } from '../output/reporter.js';
import { classifyFailure } from '../tunnel/failure.js';
import { createSink, type FileSink, type SinkOptions } from './file-sink.js';
import type { Progress } from './progress.js';
import {
  AnswerStatus,
  broken,
  CHECKSUM_BYTES,
  encodeAnswer,
  FILE_LABEL,
  type FileOffer,
  parseOffer,
  statusOf,
} from './transfer-protocol.js';

/** The file that is being received. */
interface Partial {
  readonly offer: FileOffer;
  readonly sink: FileSink;
  readonly hash: Blake2b;
  bytes: number;
}

interface Stored {
  readonly bytes: number;
  readonly checksum: Uint8Array;
}

/** Takes files one after another, over one session or, after interruptions, several. */
export class FileReceiver {
  readonly #sinks: SinkOptions;
  readonly #reporter: Reporter;
  readonly #progress: Progress;
  readonly #stored: Stored[] = [];
  #count: number | undefined;
  #partial: Partial | undefined;

  constructor(sinks: SinkOptions, reporter: Reporter, progress: Progress) {
    this.#sinks = sinks;
    this.#reporter = reporter;
    this.#progress = progress;
  }

  /** Every file is stored; at most the sender does not know it yet. */
  get isComplete(): boolean {
    return this.#stored.length === this.#count;
  }

  /** Resolves when every file is stored and the sender knows. Rejects with ERR_TRANSFER_*, ERR_FILE_EXISTS, ERR_SYSTEM. */
  async run(connection: SecureConnection): Promise<void> {
    let isKnown = false;
    for await (const stream of connection) {
      if (stream.label !== FILE_LABEL) {
        stream.reset(ResetCode.REFUSED);
        continue;
      }
      await this.#receive(stream);
      isKnown = this.isComplete;
      if (isKnown) break;
    }
    if (isKnown) return;
    // The session ended: in order, which a sender does only at the end of all files, or not, and then with its error.
    await connection.closed;
    throw broken('it closed the session before all files were there');
  }

  /** Removes what is not whole. */
  async discard(): Promise<void> {
    await this.#partial?.sink.discard();
    this.#partial = undefined;
  }

  async #receive(stream: SecureStream): Promise<void> {
    const writer = stream.writable.getWriter();
    writer.closed.catch(() => undefined);
    try {
      const { bytes } = await this.#take(stream, (status, count) =>
        writer.write(encodeAnswer({ status, bytes: count })),
      );
      await writer.write(encodeAnswer({ status: AnswerStatus.OK, bytes }));
      await writer.close();
    } catch (thrown) {
      const error = toSealaneError(thrown);
      if (classifyFailure(error) === 'passing' || error.code.startsWith('ERR_STREAM_')) throw error;
      await this.discard();
      // The sender reads why; that it is gone too changes nothing here.
      await writer.write(encodeAnswer({ status: statusOf(error), bytes: 0 })).catch(() => undefined);
      writer.close().catch(() => undefined);
      throw new SealaneError(error.code, error.message, { cause: error, details: { ...error.details, said: true } });
    }
  }

  async #take(stream: SecureStream, answer: (status: AnswerStatus, bytes: number) => Promise<void>): Promise<Stored> {
    const offer = parseOffer(stream.metadata);
    this.#count ??= offer.count;
    if (offer.count !== this.#count) throw broken('the number of files changed');
    const before = this.#stored[offer.index];
    if (before !== undefined) {
      // The sender did not hear that it is stored.
      await answer(AnswerStatus.OK, before.bytes);
      const rest = await readRest(stream);
      if (!bytesEqual(rest, before.checksum))
        throw new SealaneError('ERR_TRANSFER_CHECKSUM', 'what arrived is not what was sent');
      return before;
    }
    if (offer.index !== this.#stored.length) throw broken('the files came in another order');
    const partial = await this.#open(offer);
    await answer(AnswerStatus.OK, partial.bytes);
    this.#progress.start(offer.name, offer.size, partial.bytes);
    const stored = await this.#fill(stream, partial);
    await partial.sink.finish();
    this.#partial = undefined;
    this.#stored.push(stored);
    this.#progress.clear();
    this.#reporter.event({
      event: 'transfer',
      state: 'received',
      file: offer.name,
      path: partial.sink.path,
      bytes: stored.bytes,
      checksum: Buffer.from(stored.checksum).toString('hex'),
      index: offer.index,
      count: offer.count,
    });
    return stored;
  }

  /** What an interruption left, or a new file. */
  async #open(offer: FileOffer): Promise<Partial> {
    const { name, size } = this.#partial?.offer ?? offer;
    if (name !== offer.name || size !== offer.size) throw broken('the file changed while it was sent');
    if (this.#partial !== undefined && size === null) throw broken('it goes on with what cannot be sent again');
    this.#partial ??= {
      offer,
      sink: await createSink(offer, this.#sinks),
      hash: new Blake2b(CHECKSUM_BYTES),
      bytes: 0,
    };
    return this.#partial;
  }

  /** Writes all but the checksum, which is what the stream ends with. */
  async #fill(stream: SecureStream, partial: Partial): Promise<Stored> {
    const { size } = partial.offer;
    let held: Uint8Array = new Uint8Array(0);
    const take = async (bytes: Uint8Array): Promise<void> => {
      if (bytes.length === 0) return;
      if (size !== null && partial.bytes + bytes.length > size) throw broken('it sent more than it said');
      await partial.sink.write(bytes);
      partial.hash.update(bytes);
      partial.bytes += bytes.length;
      this.#progress.advance(bytes.length);
    };
    for await (const chunk of stream.readable as unknown as AsyncIterable<Uint8Array>) {
      if (chunk.length >= CHECKSUM_BYTES) {
        await take(held);
        await take(chunk.subarray(0, chunk.length - CHECKSUM_BYTES));
        held = chunk.slice(chunk.length - CHECKSUM_BYTES);
      } else {
        const all = Buffer.concat([held, chunk]);
        const split = Math.max(0, all.length - CHECKSUM_BYTES);
        await take(all.subarray(0, split));
        held = all.subarray(split);
      }
    }
    if (held.length !== CHECKSUM_BYTES) throw broken('it sent no checksum');
    if (size !== null && partial.bytes !== size) throw broken(`it sent ${partial.bytes} bytes of ${size}`);
    const checksum = partial.hash.digest();
    if (!bytesEqual(checksum, held))
      throw new SealaneError('ERR_TRANSFER_CHECKSUM', 'what arrived is not what was sent');
    return { bytes: partial.bytes, checksum };
  }
}

async function readRest(stream: SecureStream): Promise<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of stream.readable as unknown as AsyncIterable<Uint8Array>) {
    rest = Buffer.concat([rest, chunk]);
    if (rest.length > CHECKSUM_BYTES) throw broken('it sent more than it said');
  }
  return rest;
}
