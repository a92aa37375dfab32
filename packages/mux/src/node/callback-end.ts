import { Fifo } from '../fifo.js';

/** What waits for the end of a callback of the event loop. */
export interface CallbackEndTask {
  onCallbackEnd(): void;
}

/** Sends in a row that were alone in their turn of the event loop before the next one does not wait for the turn's end. */
const ENOUGH_ALONE = 8;

const waiting: Fifo<CallbackEndTask> = new Fifo();
let depth = 0;
/** Callbacks so far, and which of them wanted to send last. */
let callbacks = 0;
let sendingCallback = 0;
let alone = 0;
/** What does not wait for the turn's end. Whoever comes after it in the same callback is not alone. */
let aloneSend: (() => void) | undefined;

/**
 * Around what a socket's read makes the program do: what is written in it leaves at its end, not in a tick of its own
 * behind it. {@link endCallback} follows whatever happens.
 */
export function beginCallback(): void {
  depth += 1;
  callbacks += 1;
}

export function endCallback(): void {
  try {
    if (depth === 1) runWaiting();
  } finally {
    depth -= 1;
  }
}

/** Runs `task` at the end of the present callback: of {@link beginCallback}, or else in the next tick. */
export function atCallbackEnd(task: CallbackEndTask): void {
  if (depth > 0) waiting.push(task);
  else process.nextTick(runTask, task);
}

/**
 * Runs `send` after all input of this turn of the event loop was read, so that what belongs together leaves together. Where
 * request and answer go to and fro alone, which the order of reads tells, there is nothing to wait for: then at the end
 * of the callback.
 */
export function atTurnEnd(send: () => void): void {
  if (depth === 0) {
    setImmediate(send);
    return;
  }
  // Something else was read since, which made us send nothing: the other side's answer.
  alone = callbacks > sendingCallback + 1 ? alone + 1 : 0;
  sendingCallback = callbacks;
  if (alone > ENOUGH_ALONE) aloneSend = send;
  else setImmediate(runTurnEnd, send, callbacks);
}

function runTurnEnd(send: () => void, callback: number): void {
  // More was read in this turn.
  if (callback !== callbacks) alone = 0;
  send();
}

function runTask(task: CallbackEndTask): void {
  task.onCallbackEnd();
}

function runWaiting(): void {
  const send = aloneSend;
  aloneSend = undefined;
  try {
    send?.();
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) task.onCallbackEnd();
  } finally {
    // One has thrown: the others have their turn all the same.
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) process.nextTick(runTask, task);
  }
}
