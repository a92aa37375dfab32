// What programs do during a soak. Each piece of work follows from its seed, checks what comes back, and rejects if it is wrong.
import { createHash } from 'node:crypto';
import http from 'node:http';
import {
  collect,
  connectTo,
  exchange,
  findProgram,
  runProcess,
  seededChunks,
  seededSha256,
  writeAll,
} from '@sealane/testkit';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** `GET /bytes/SEED/SIZE` sends seeded bytes, `PUT` answers with the size and sum of what it got. */
export function startHttpBackend() {
  const server = http.createServer((request, response) => {
    if (request.method === 'GET') {
      const [, , seed, size] = request.url.split('/').map(Number);
      response.setHeader('content-length', size);
      for (const chunk of seededChunks(seed, size)) response.write(chunk);
      response.end();
      return;
    }
    const hash = createHash('sha256');
    let bytes = 0;
    request.on('data', (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    request.on('end', () => response.end(`${bytes} ${hash.digest('hex')}\n`));
  });
  server.keepAliveTimeout = 120_000;
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ server, port: server.address().port }));
  });
}

/** Kinds of work over the pairs `echo` and `http`; programs that are not installed are left out. */
export function createWork({ echo, http: web }) {
  const sizeOf = (seed) => 1 + ((seed * 7_919) % 300_000);
  const work = {
    // Many bytes both ways at once, to the last one.
    bulk: async (seed) => {
      const bytes = 4 * 2 ** 20;
      expectSame(await exchange({ port: echo.port }, seededChunks(seed, bytes)), {
        bytes,
        sha256: seededSha256(seed, bytes),
        end: 'fin',
      });
    },
    // A connection for a few bytes.
    short: async (seed) => {
      const bytes = 1 + (seed % 2_000);
      expectSame(await exchange({ port: echo.port }, seededChunks(seed, bytes)), {
        bytes,
        sha256: seededSha256(seed, bytes),
        end: 'fin',
      });
      await sleep(100);
    },
    // Requests and answers in turn on one connection that lasts.
    requests: async (seed) => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      try {
        for (let each = 0; each < 20; each++) {
          const size = sizeOf(seed + each) >> 4;
          const body = await get(agent, web.port, `/bytes/${seed + each}/${size}`);
          expectSame(body, { bytes: size, sha256: seededSha256(seed + each, size) });
          await sleep(50);
        }
      } finally {
        agent.destroy();
      }
    },
    // Numbers that come back one by one: a session of an interactive program.
    interactive: async (seed) => {
      const socket = await connectTo({ port: echo.port });
      const answer = collect(socket, undefined, { readsByCall: true });
      const hash = createHash('sha256');
      let bytes = 0;
      for (let line = 0; line < 200; line++) {
        const text = Buffer.from(`line ${seed} ${line}\n`);
        hash.update(text);
        bytes += text.length;
        await writeAll(socket, [text]);
        await sleep(50);
      }
      socket.end();
      expectSame(await answer, { bytes, sha256: hash.digest('hex'), end: 'fin' });
      socket.destroy();
    },
  };
  const curl = findProgram('curl');
  if (curl === undefined) return work;
  return {
    ...work,
    curl: async (seed) => {
      const size = sizeOf(seed);
      const input = Buffer.concat([...seededChunks(seed, size)]);
      const base = `http://127.0.0.1:${web.port}`;
      const options = ['-sS', '--noproxy', '*', '--max-time', '100'];
      const args = ['-q', ...options, '-T', '-', `${base}/up`, '--next', ...options, '-T', '-', `${base}/up`];
      const [first, ...rest] = args;
      const { code, stdout, stderr } = await runProcess(first, rest, { command: curl, input, deadlineMs: 110_000 });
      // The second upload finds standard input at its end.
      const empty = `0 ${createHash('sha256').digest('hex')}\n`;
      const expected = { code: 0, stdout: `${size} ${seededSha256(seed, size)}\n${empty}`, stderr: '' };
      expectSame({ code, stdout, stderr }, expected);
      await sleep(100);
    },
  };
}

function get(agent, port, path) {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path, agent }, (response) => {
      const hash = createHash('sha256');
      let bytes = 0;
      response.on('data', (chunk) => {
        hash.update(chunk);
        bytes += chunk.length;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ bytes, sha256: hash.digest('hex') }));
    });
    request.once('error', reject);
  });
}

function expectSame(got, expected) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
  if (a !== b) throw new Error(`got ${a} instead of ${b}`);
}
