import { expect, test } from 'vitest';
import { summarizeProfile } from '../profile-summary.mjs';

function node(id, functionName, url = '', children = []) {
  return { id, callFrame: { functionName, url, lineNumber: 4 }, children };
}

const nodes = [
  node(1, '(root)', '', [2, 3, 4]),
  node(2, '(idle)'),
  node(3, 'write', 'node:internal/stream_base_commons', [5]),
  node(4, 'hash', 'file:///x/packages/crypto/dist/primitives/blake2b.js', [6]),
  node(5, 'writeBuffer'),
  node(6, 'wasm-function[14]', 'wasm://wasm/1'),
  node(7, '(garbage collector)'),
];

test('self time goes to the part that the code is of, what is native to its caller, and what is left to the outside', () => {
  const summary = summarizeProfile(
    { nodes, samples: [2, 5, 6, 4, 7, 6], timeDeltas: [100, 100, 100, 100, 100, 100], cpuUs: 1_000, kernelUs: 300 },
    10,
  );
  expect(summary.parts).toEqual({
    cryptography: 30,
    'sockets and streams of Node, with the writes': 10,
    collections: 10,
    'outside of JavaScript: reads, accepting, kernel, compiler': 50,
  });
  expect([summary.cpuUs, summary.kernelUs]).toEqual([100, 30]);
  expect(summary.functions[0]).toEqual(['wasm-function[14] wasm://wasm/1:5', 20]);
  expect(summary.functions.map(([name]) => name)).toContain('writeBuffer < write node:internal/stream_base_commons:5');
});

test('a process that waited for a core is not taken for one that computed', () => {
  const timeDeltas = [100, 100, 9_000];
  const { parts } = summarizeProfile({ nodes, samples: [4, 4, 4], timeDeltas, cpuUs: 300, kernelUs: 0 }, 1);
  expect(parts.cryptography).toBe(300);
});
