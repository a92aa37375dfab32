import { parseSync } from 'vite';

/** These tell what the author of a page or its host has to change. */
const kept = new Set(['ERR_CRYPTO_UNAVAILABLE', 'ERR_LINK_FAILED', 'ERR_STORAGE']);
/** Functions of other modules that raise an error of one code: which of their arguments is in its sentence. */
const elsewhere = { frameError: 0, messageError: 0, limitError: 0, assertLength: 2 };
const wording = new Set(['Literal', 'TemplateLiteral', 'BinaryExpression']);

/**
 * A module without the sentences that it raises errors with: an error then says its code. A sentence that somebody else
 * wrote, a relay's for instance, stays. Lines stay where they are.
 */
export function withoutSentences(path, code) {
  const { program, errors } = parseSync(path, code);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
  const cuts = [];
  const making = new Map(Object.entries(elsewhere));
  if (/[\\/]e2ee[\\/]/.test(path)) making.set('ByteReader', 0);
  visit(program, (node) => {
    const place = sentenceTaken(node);
    if (place >= 0) making.set(node.id.name, place);
  });
  visit(program, (node) => {
    const sentence = sentenceOf(node, making);
    if (sentence !== undefined) cuts.push(sentence);
  });
  let text = code;
  for (const { start, end } of cuts.sort((a, b) => b.start - a.start)) {
    const lines = text.slice(start, end).replace(/[^\n]/g, '');
    const isLast = /^\s*\)/.test(text.slice(end));
    const before = isLast ? text.slice(0, start).replace(/,(\s*)$/, '$1') : `${text.slice(0, start)}void 0`;
    text = before + lines + text.slice(end);
  }
  return text;
}

function sentenceOf(node, making) {
  const { type, callee, arguments: args } = node;
  // Of the reader of fixed layouts.
  if (type === 'CallExpression' && callee.property?.name === 'fail' && making.has('ByteReader'))
    return wordsIn(args[0]);
  if (callee?.type !== 'Identifier') return undefined;
  if (type === 'CallExpression' && making.has(callee.name)) return wordsIn(args[making.get(callee.name)]);
  if (!isNewError(node)) return undefined;
  return wordsIn(args[1]);
}

function isNewError(node) {
  return node?.type === 'NewExpression' && node.callee.name === 'SealaneError' && !kept.has(node.arguments[0]?.value);
}

/** Of a function that does nothing but make an error: which of its parameters is the sentence. Otherwise -1. */
function sentenceTaken({ type, params, body, id }) {
  if (type !== 'FunctionDeclaration' || id === null || body.body.length !== 1) return -1;
  const error = body.body[0].argument;
  if (!isNewError(error)) return -1;
  const named = [];
  visit(error.arguments[1], (node) => named.push(node.name));
  return params.findIndex((param) => param.type === 'Identifier' && named.includes(param.name));
}

function wordsIn(argument) {
  return argument !== undefined && wording.has(argument.type) ? argument : undefined;
}

function visit(node, see) {
  if (Array.isArray(node)) {
    for (const entry of node) visit(entry, see);
  } else if (typeof node?.type === 'string') {
    see(node);
    for (const value of Object.values(node)) if (typeof value === 'object' && value !== null) visit(value, see);
  }
}
