// Runs `npx -y pnpm@12 start` as a newcomer does, opens the page that it names, and ends it with Ctrl-C.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const deadlineMs = 100_000;
const results = [];
const check = (name, isGood, detail = '') => {
  results.push(isGood);
  console.log(`${isGood ? 'ok    ' : 'FAILED'} ${name}${isGood || detail === '' ? '' : `: ${detail}`}`);
};

// A group of its own: a signal to npx alone would leave the processes below it.
const child = spawn('npx', ['-y', 'pnpm@12', 'start'], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
let output = '';
const url = new Promise((resolve) => {
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      output += text;
      const match = /https?:\/\/[^\s"'<>]+/.exec(output);
      // The address counts only once its line is complete.
      if (match !== null && output.indexOf('\n', match.index) > 0) resolve(match[0]);
    });
  }
});
const exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
const killer = setTimeout(() => killGroup('SIGKILL'), deadlineMs);
killer.unref();

const page = await Promise.race([url, exited.then(() => undefined)]);
check('start prints a URL', page !== undefined, output.slice(-2_000));
if (page !== undefined) {
  const response = await fetch(page, { signal: AbortSignal.timeout(20_000) }).catch((error) => error);
  check('the page is served through the relay', response.ok === true, String(response.cause ?? response.status));
  const text = response.ok === true ? await response.text() : '';
  check('the page speaks of its connection', /sealane/i.test(text), text.slice(0, 500));
  killGroup('SIGINT');
  const exit = await Promise.race([exited, sleep(20_000, undefined, { ref: false })]);
  check('Ctrl-C ends it', exit !== undefined, 'still running after 20 s');
  const isGone = await fetch(page, { signal: AbortSignal.timeout(5_000) }).then(
    () => false,
    () => true,
  );
  check('nothing is left on its port', isGone);
}
killGroup('SIGKILL');
const passed = results.filter(Boolean).length;
console.log(`${passed} passed, ${results.length - passed} failed`);
process.exit(passed === results.length ? 0 : 1);

function killGroup(signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
