import { fileURLToPath } from 'node:url';
import { startProcess, type TestProcess } from '@sealane/testkit';

export const program: string = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface RunningRelay {
  readonly process: TestProcess;
  readonly url: string;
  readonly id: string;
}

/** The real program on a free port of this machine; `stopAllProcesses` ends it. */
export async function startRelay(directory: string, ...args: string[]): Promise<RunningRelay> {
  const process = startProcess(program, ['--listen', '127.0.0.1:0', '--data-dir', directory, '--json', ...args]);
  const { url, id } = await process.waitFor('listening');
  return { process, url: String(url), id: String(id) };
}
