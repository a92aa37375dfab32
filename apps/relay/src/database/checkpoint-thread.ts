import { parentPort, workerData } from 'node:worker_threads';
import { openDriver, type SqlDriverName } from './sql-driver.js';

export interface CheckpointThreadData {
  readonly file: string;
  readonly driver: SqlDriverName;
}

/** What it answers: whether the log was moved, or why not. */
export interface CheckpointAnswer {
  readonly problem?: string;
}

// A thread of a relay that moves the log of its database into the file whenever it is told to, until it is told `close`.
const { file, driver } = workerData as CheckpointThreadData;
const database = await openDriver(file, driver);
parentPort?.on('message', (message: 'checkpoint' | 'close') => {
  if (message === 'close') {
    database.close();
    parentPort?.close();
    return;
  }
  const answer: CheckpointAnswer = checkpoint();
  parentPort?.postMessage(answer);
});

/** Passive: it moves what no reader needs in the log, and nobody who writes or reads waits for it. */
function checkpoint(): CheckpointAnswer {
  try {
    database.prepare('PRAGMA wal_checkpoint(PASSIVE)').all();
    return {};
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
