import { SealaneError } from '@sealane/types';
import type { HandshakePattern, Token } from './handshake-pattern.js';

/** Pre-messages stand before `...`, messages after it, in the notation of the specification. */
const patterns: Readonly<Record<string, string>> = {
  // one-way, section 7.4
  N: '<- s ... -> e es',
  K: '-> s <- s ... -> e es ss',
  X: '<- s ... -> e es s ss',
  // fundamental, section 7.5
  NN: '... -> e <- e ee',
  NK: '<- s ... -> e es <- e ee',
  NX: '... -> e <- e ee s es',
  KN: '-> s ... -> e <- e ee se',
  KK: '-> s <- s ... -> e es ss <- e ee se',
  KX: '-> s ... -> e <- e ee se s es',
  XN: '... -> e <- e ee -> s se',
  XK: '<- s ... -> e es <- e ee -> s se',
  XX: '... -> e <- e ee s es -> s se',
  IN: '... -> e s <- e ee se',
  IK: '<- s ... -> e es s ss <- e ee se',
  IX: '... -> e s <- e ee se s es',
  // deferred, section 18.1
  NK1: '<- s ... -> e <- e ee es',
  NX1: '... -> e <- e ee s -> es',
  X1N: '... -> e <- e ee -> s <- se',
  X1K: '<- s ... -> e es <- e ee -> s <- se',
  XK1: '<- s ... -> e <- e ee es -> s se',
  X1K1: '<- s ... -> e <- e ee es -> s <- se',
  X1X: '... -> e <- e ee s es -> s <- se',
  XX1: '... -> e <- e ee s -> es s se',
  X1X1: '... -> e <- e ee s -> es s <- se',
  K1N: '-> s ... -> e <- e ee -> se',
  K1K: '-> s <- s ... -> e es <- e ee -> se',
  KK1: '-> s <- s ... -> e <- e ee se es',
  K1K1: '-> s <- s ... -> e <- e ee es -> se',
  K1X: '-> s ... -> e <- e ee s es -> se',
  KX1: '-> s ... -> e <- e ee se s -> es',
  K1X1: '-> s ... -> e <- e ee s -> se es',
  I1N: '... -> e s <- e ee -> se',
  I1K: '<- s ... -> e es s <- e ee -> se',
  IK1: '<- s ... -> e s <- e ee se es',
  I1K1: '<- s ... -> e s <- e ee es -> se',
  I1X: '... -> e s <- e ee s es -> se',
  IX1: '... -> e s <- e ee se s -> es',
  I1X1: '... -> e s <- e ee s -> se es',
};

/** The pattern of a name such as `IK`, `IKpsk2` or `NNpsk0+psk2`; ERR_NOISE_PATTERN for any other. */
export function parsePattern(name: string): HandshakePattern {
  const match = /^([A-Z0-9]+?)(psk[0-9](?:\+psk[0-9])*)?$/.exec(name);
  const text = match?.[1] !== undefined && Object.hasOwn(patterns, match[1]) ? patterns[match[1]] : undefined;
  if (text === undefined) throw new SealaneError('ERR_NOISE_PATTERN', `the handshake pattern ${name} is not supported`);
  const [before = '', after = ''] = text.split('...');
  const messages = parseMessages(after);
  const modifiers = match?.[2]?.split('+') ?? [];
  for (const modifier of modifiers) addPsk(name, messages, Number(modifier.slice(3)));
  return {
    name,
    preMessages: parseMessages(before),
    messages,
    pskCount: modifiers.length,
    isOneWay: messages.every((message) => message.fromInitiator),
  };
}

interface MutableMessagePattern {
  fromInitiator: boolean;
  tokens: Token[];
}

function parseMessages(text: string): MutableMessagePattern[] {
  const messages: MutableMessagePattern[] = [];
  for (const word of text.split(' ')) {
    if (word === '') continue;
    if (word === '->' || word === '<-') messages.push({ fromInitiator: word === '->', tokens: [] });
    else messages.at(-1)?.tokens.push(word as Token);
  }
  return messages;
}

/** psk0 stands before the first message's tokens, pskN after those of message N (section 9.4). */
function addPsk(name: string, messages: MutableMessagePattern[], position: number): void {
  const message = messages[Math.max(position - 1, 0)];
  const isRepeated = position === 0 ? message?.tokens[0] === 'psk' : message?.tokens.at(-1) === 'psk';
  if (message === undefined || isRepeated) {
    throw new SealaneError('ERR_NOISE_PATTERN', `the psk modifiers of ${name} do not fit it`);
  }
  if (position === 0) message.tokens.unshift('psk');
  else message.tokens.push('psk');
}
