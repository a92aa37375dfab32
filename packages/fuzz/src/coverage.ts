declare global {
  /** One counter per block of the instrumented sources. */
  var __sealaneHits: Uint8Array;
}

/** About how often a block was hit: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128 and more, one bit each. */
const bucketOf = new Uint8Array(256);
for (let count = 1; count < 256; count++) {
  const at = count < 4 ? count - 1 : count < 8 ? 3 : count < 16 ? 4 : count < 32 ? 5 : count < 128 ? 6 : 7;
  bucketOf[count] = 1 << at;
}

/** What an input did that none before it did. */
export interface News {
  /** Blocks that no input had hit. */
  readonly blocks: readonly number[];
  /** Or one that was hit about as often as never before. */
  readonly hasCount: boolean;
}

/** The counters of instrumented code, and what has been seen of them. */
export class Coverage {
  readonly #hits: Uint8Array;
  readonly #words: Uint32Array;
  readonly #seen: Uint8Array;
  #blocks = 0;

  /** The length of `hits` is a multiple of four. */
  constructor(hits: Uint8Array) {
    this.#hits = hits;
    this.#words = new Uint32Array(hits.buffer, hits.byteOffset, hits.length / 4);
    this.#seen = new Uint8Array(hits.length);
  }

  /** Blocks that any input has hit. */
  get blocks(): number {
    return this.#blocks;
  }

  /** Before an input runs. */
  clear(): void {
    this.#hits.fill(0);
  }

  /** After it ran: what it did for the first time; remembered. */
  takeNews(): News | undefined {
    const words = this.#words;
    const blocks: number[] = [];
    let hasCount = false;
    for (let word = 0; word < words.length; word++) {
      if (words[word] === 0) continue;
      for (let block = word * 4; block < word * 4 + 4; block++) {
        const seen = this.#seen[block]!;
        const both = seen | bucketOf[this.#hits[block]!]!;
        if (both === seen) continue;
        this.#seen[block] = both;
        if (seen === 0) blocks.push(block);
        else hasCount = true;
      }
    }
    if (blocks.length === 0 && !hasCount) return undefined;
    this.#blocks += blocks.length;
    return { blocks, hasCount };
  }

  /** Whether the input that just ran hit all of these. */
  hasHit(blocks: readonly number[]): boolean {
    return blocks.every((block) => this.#hits[block] !== 0);
  }

  /** The blocks of the input that just ran. */
  hitBlocks(): number[] {
    return indicesOf(this.#hits);
  }

  /** The blocks of all inputs. */
  covered(): number[] {
    return indicesOf(this.#seen);
  }
}

function indicesOf(bytes: Uint8Array): number[] {
  const indices: number[] = [];
  bytes.forEach((byte, index) => {
    if (byte !== 0) indices.push(index);
  });
  return indices;
}
