import type { SecureConnection, SecureStream } from '@sealane/client';
import { Blake2b } from '@sealane/crypto';
import { SealaneError } from '@sealane/types';
import type { Reporter } from '../output/reporter.js';
import { ExactReader } from './exact-reader.js';
import type { OutgoingFile } from './outgoing-file.js';
import type { Progress } from './progress.js';
import {
  ANSWER_BYTES,
  type Answer,
  AnswerStatus,
  broken,
  CHECKSUM_BYTES,
  encodeOffer,
  FILE_LABEL,
  parseAnswer,
  refusalError,
} from './transfer-protocol.js';

/** Sends files one after another, over one session or, after interruptions, several. */
export class FileSender {
  readonly #files: readonly OutgoingFile[];
  readonly #reporter: Reporter;
  readonly #progress: Progress;
  #sent = 0;
  #hasBegun = false;

  constructor(files: readonly OutgoingFile[], reporter: Reporter, progress: Progress) {
    this.#files = files;
    this.#reporter = reporter;
    this.#progress = progress;
  }

  /** What came from a pipe cannot be read a second time. */
  get isResumable(): boolean {
    return !this.#hasBegun || this.#files[this.#sent]?.isRepeatable !== false;
  }

  /** Sends what has not been taken yet. Rejects with ERR_TRANSFER_REFUSED, ERR_TRANSFER_PROTOCOL, or what ended the session. */
  async run(connection: SecureConnection): Promise<void> {
    while (this.#sent < this.#files.length) {
      const index = this.#sent;
      const file = this.#files[index]!;
      const metadata = encodeOffer({ name: file.name, size: file.size, index, count: this.#files.length });
      const stream = connection.openStreamNow({ label: FILE_LABEL, metadata });
      try {
        const { bytes, checksum } = await this.#send(file, stream);
        this.#sent += 1;
        this.#progress.clear();
        const count = this.#files.length;
        this.#reporter.event({ event: 'transfer', state: 'sent', file: file.name, bytes, checksum, index, count });
      } catch (error) {
        stream.abort();
        throw error;
      }
    }
  }

  async #send(file: OutgoingFile, stream: SecureStream): Promise<{ bytes: number; checksum: string }> {
    const answers = new ExactReader(stream.readable);
    const first = await nextAnswer(answers);
    if (first.bytes > (file.size ?? 0)) throw broken('it has more of the file than there is');
    this.#hasBegun = true;
    this.#progress.start(file.name, file.size, first.bytes);
    // It comes at the end, or when the receiver gives up: then a write that waits for it must not wait on.
    const last = nextAnswer(answers);
    const gaveUp = last.then((answer) => {
      if (!isWritten) throw broken(`it said that it has ${answer.bytes} bytes before it was sent all`);
    });
    gaveUp.catch(() => undefined);
    let isWritten = false;
    const writer = stream.writable.getWriter();
    writer.closed.catch(() => undefined);
    const write = async (chunk: Uint8Array): Promise<void> => {
      await Promise.race([writer.write(chunk), gaveUp]);
    };
    const writing = this.#writeAll(file, first.bytes, write);
    writing.catch(() => undefined);
    // What is read may be a pipe that says nothing for hours: the end of the session is not for later.
    const { total, digest } = await Promise.race([writing, gaveUp.then(() => writing)]);
    isWritten = true;
    await write(digest);
    await Promise.race([writer.close(), gaveUp]);
    const answer = await last;
    if (answer.bytes !== total) throw broken(`it has ${answer.bytes} bytes of ${total}`);
    return { bytes: total, checksum: Buffer.from(digest).toString('hex') };
  }

  /** Everything is read and hashed, and written from `offset` on. */
  async #writeAll(
    file: OutgoingFile,
    offset: number,
    write: (chunk: Uint8Array) => Promise<void>,
  ): Promise<{ total: number; digest: Uint8Array }> {
    const hash = new Blake2b(CHECKSUM_BYTES);
    let total = 0;
    for await (const chunk of file.read()) {
      hash.update(chunk);
      const skipped = Math.min(chunk.length, Math.max(0, offset - total));
      total += chunk.length;
      if (file.size !== null && total > file.size) break;
      if (skipped < chunk.length) await write(chunk.subarray(skipped));
      this.#progress.advance(chunk.length - skipped);
    }
    if (file.size !== null && total !== file.size) {
      throw new SealaneError('ERR_SYSTEM', `${file.name} changed while it was sent`);
    }
    return { total, digest: hash.digest() };
  }
}

async function nextAnswer(answers: ExactReader): Promise<Answer> {
  const answer = parseAnswer(await answers.read(ANSWER_BYTES));
  if (answer.status !== AnswerStatus.OK) throw refusalError(answer.status);
  return answer;
}
