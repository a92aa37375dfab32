// A CPU profile as self time by part of the program.

/** What a part is called, by where its code is. The first that fits counts. */
const parts = [
  ['cryptography', /packages\/crypto\/|libsodium|^wasm:|internal\/crypto\//],
  ['muxes, frames, messages', /packages\/(mux|protocol)\//],
  ['client: sessions, handshakes, streams', /packages\/client\//],
  ['relay: links, admission, forwarding', /packages\/server\//],
  ['programs: log lines and the rest', /apps\/|bench\/programs\//],
  ['types, errors', /packages\/types\//],
  ['timers and promises of Node', /internal\/(timers|process)|node:timers/],
  ['sockets and streams of Node, with the writes', /node:(net|stream|events|buffer|internal)/],
];
const outside = 'outside of JavaScript: reads, accepting, kernel, compiler';

/**
 * Microseconds for each of `count`. A sample counts as the time since the one before, the usual one at most: a process that waits
 * for a core computes nothing. What is native counts for the function that called it.
 */
export function summarizeProfile({ nodes, samples, timeDeltas, cpuUs, kernelUs }, count) {
  const byId = new Map(nodes.map((node) => [node.id, { ...node, parent: undefined }]));
  for (const node of nodes) for (const child of node.children ?? []) byId.get(child).parent = byId.get(node.id);
  const limitUs = [...timeDeltas].sort((a, b) => a - b)[Math.floor(timeDeltas.length / 2)];
  const found = {};
  const functions = new Map();
  let inside = 0;
  for (const [index, id] of samples.entries()) {
    const us = Math.max(0, Math.min(timeDeltas[index], limitUs)) / count;
    const { name, place } = partOf(byId.get(id));
    if (name === undefined) continue;
    inside += us;
    found[name] = (found[name] ?? 0) + us;
    functions.set(place, (functions.get(place) ?? 0) + us);
  }
  found[outside] = cpuUs / count - inside;
  const order = [...parts.map(([name]) => name), 'collections', 'other', outside];
  return {
    cpuUs: cpuUs / count,
    kernelUs: kernelUs / count,
    parts: Object.fromEntries(order.filter((name) => name in found).map((name) => [name, found[name]])),
    functions: [...functions].sort(([, a], [, b]) => b - a),
  };
}

/** Undefined for what is not JavaScript. */
function partOf(node) {
  const { functionName } = node.callFrame;
  if (['(idle)', '(program)', '(root)'].includes(functionName)) return { name: undefined };
  if (functionName === '(garbage collector)') return { name: 'collections', place: functionName };
  let caller = node;
  while (caller.callFrame.url === '' && caller.parent !== undefined) caller = caller.parent;
  const { url, lineNumber } = caller.callFrame;
  const file = url.replace(/^.*\/(packages|apps|bench|node_modules)\//, '$1/');
  const own = caller === node ? functionName : `${functionName} < ${caller.callFrame.functionName}`;
  const name = parts.find(([, pattern]) => pattern.test(url))?.[0] ?? 'other';
  return { name, place: `${own} ${file}:${lineNumber + 1}` };
}
