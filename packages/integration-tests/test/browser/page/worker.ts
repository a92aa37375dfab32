import { program } from './program.js';
import { type Port, serveCalls } from './remote.js';

serveCalls(globalThis as unknown as Port, program);
