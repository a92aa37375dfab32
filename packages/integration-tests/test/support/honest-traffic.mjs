// An echo server, and a client of it that goes through a tunnel, in a process that attackers do not keep busy.
// The first line on stdout tells the server's port; a port on stdin starts rounds of exchanges, each told when it is over.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { exchange, seededChunks, seededSha256, startEchoServer } from '@sealane/testkit';

const BYTES = 500_000;
const backend = await startEchoServer();
tell({ event: 'backend', port: backend.port });
const [line] = await once(createInterface({ input: process.stdin }), 'line');
for (let seed = 1; ; seed++) {
  const startMs = performance.now();
  const { bytes, sha256, end } = await exchange({ port: Number(line) }, seededChunks(seed, BYTES));
  const isRight = bytes === BYTES && sha256 === seededSha256(seed, BYTES) && end === 'fin';
  tell({ event: 'round', isRight, bytes, end, ms: Math.round(performance.now() - startMs) });
}

function tell(event) {
  console.log(JSON.stringify(event));
}
