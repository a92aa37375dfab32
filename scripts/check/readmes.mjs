import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What every README of a published package answers, each in a table under this heading. */
const questions = ['How to stop', 'Reconnection', 'Flow control', 'Errors', 'Limits'];

export async function checkReadme({ directory }) {
  // Loaded here and not above: the gate "build" makes it.
  const { ErrorCode } = await import('../../packages/types/dist/index.js');
  const file = join(directory, 'README.md');
  if (!existsSync(file)) return 'there is no README.md';
  const text = readFileSync(file, 'utf8');
  const sections = sectionsOf(text);
  const problems = [];
  for (const question of questions) {
    if (!sections.has(question)) problems.push(`there is no "## ${question}"`);
    else if (!/^\|[^\n]+\|\n\| ?:?-/m.test(sections.get(question))) problems.push(`"## ${question}" has no table`);
  }
  return [...problems, ...codeProblems(text, Object.keys(ErrorCode)), ...linkProblems(directory, text)].join('\n');
}

function sectionsOf(text) {
  const parts = withoutCode(text).split(/^## /m).slice(1);
  return new Map(parts.map((part) => [part.slice(0, part.indexOf('\n')).trim(), part]));
}

/** `ERR_X_Y` must exist; `ERR_X_*` must stand for some; `_Z` after a code stands for another of the same area. */
function codeProblems(text, codes) {
  const problems = [];
  for (const line of text.split('\n')) {
    let last = '';
    for (const [, word] of line.matchAll(/(?<![\w$])(ERR_[A-Z0-9_]+\*?|(?<=`)_[A-Z0-9_]+(?=`))/g)) {
      if (word.startsWith('ERR_')) last = word;
      if (!stands(word, last, codes)) problems.push(`no error code: ${word} in "${line.trim().slice(0, 80)}"`);
    }
  }
  return problems;
}

function stands(word, last, codes) {
  if (word.endsWith('*')) return codes.some((code) => code.startsWith(word.slice(0, -1)));
  if (word.startsWith('ERR_')) return codes.includes(word);
  const parts = last.split('_');
  return parts.some((_, index) => index > 1 && codes.includes(parts.slice(0, index).join('_') + word));
}

/** A relative link leads to a file of the repository. */
function linkProblems(directory, text) {
  const links = [...withoutCode(text).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target]) => target);
  return links.filter((target) => !existsSync(join(directory, target))).map((target) => `leads nowhere: ${target}`);
}

function withoutCode(text) {
  return text.replace(/^```[\s\S]*?^```/gm, '');
}
