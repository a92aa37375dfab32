import { program } from './program.js';
import { serveCalls } from './remote.js';

globalThis.addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports;
  if (port !== undefined) serveCalls(port, program);
});
