import { readFileSync } from 'node:fs';
import ts from 'typescript';

/**
 * Text of a TypeScript source with a counter at every block: function bodies, branches, loop bodies, cases, and the
 * right sides of `?:`, `&&`, `||` and `??`. Lines stay where they are. `next` gives the number of a block at a line.
 */
export function instrument(fileName, text, next) {
  const file = ts.createSourceFile(fileName, text, ts.ScriptTarget.ES2023, true, ts.ScriptKind.TS);
  /** Of one position, what closes comes before what opens; else the order of the walk. */
  const insertions = [];
  const literals = { numbers: new Set(), texts: new Set() };
  const count = (node) => `__hit[${next(file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1)}]++`;
  const insert = (position, opens, added) => insertions.push({ position, opens, added });

  const inBlock = (block) => insert(block.getStart(file) + 1, 1, `${count(block)};`);
  const statement = (node) => {
    if (ts.isBlock(node)) inBlock(node);
    else insert(node.getStart(file), 1, `{${count(node)};`);
  };
  const afterStatement = (node) => {
    if (!ts.isBlock(node)) insert(node.end, 0, '}');
  };
  const expression = (node) => insert(node.getStart(file), 1, `(${count(node)},(`);
  const afterExpression = (node) => insert(node.end, 0, '))');
  const logical = new Set([
    ts.SyntaxKind.AmpersandAmpersandToken,
    ts.SyntaxKind.BarBarToken,
    ts.SyntaxKind.QuestionQuestionToken,
  ]);

  const visit = (node) => {
    // Types have no run time.
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (ts.isImportDeclaration(node) || (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined)) return;
    if (ts.isNumericLiteral(node)) literals.numbers.add(Number(node.text));
    if (ts.isStringLiteral(node) && node.text.length <= 64) literals.texts.add(node.text);
    const { after } = open(node);
    ts.forEachChild(node, visit);
    after?.();
  };

  /** Inserts what stands before the node's parts; `after` follows them. */
  function open(node) {
    const { parent } = node;
    if (ts.isBlock(node) && (ts.isFunctionLike(parent) || ts.isTryStatement(parent) || ts.isCatchClause(parent))) {
      inBlock(node);
    } else if (parent !== undefined && ts.isArrowFunction(parent) && parent.body === node) {
      expression(node);
      return { after: () => afterExpression(node) };
    } else if (parent !== undefined && ts.isIfStatement(parent) && parent.expression !== node) {
      statement(node);
      const lacksElse = parent.thenStatement === node && parent.elseStatement === undefined;
      return {
        after: () => {
          afterStatement(node);
          if (lacksElse) insert(node.end, 0, ` else {${count(node)};}`);
        },
      };
    } else if (parent !== undefined && ts.isIterationStatement(parent, false) && parent.statement === node) {
      statement(node);
      return { after: () => afterStatement(node) };
    } else if ((ts.isCaseClause(node) || ts.isDefaultClause(node)) && node.statements.length > 0) {
      insert(node.statements[0].getStart(file), 1, `${count(node)};`);
    } else if (parent !== undefined && ts.isConditionalExpression(parent) && parent.condition !== node) {
      if (node !== parent.questionToken && node !== parent.colonToken) {
        expression(node);
        return { after: () => afterExpression(node) };
      }
    } else if (
      parent !== undefined &&
      ts.isBinaryExpression(parent) &&
      parent.right === node &&
      logical.has(parent.operatorToken.kind)
    ) {
      expression(node);
      return { after: () => afterExpression(node) };
    }
    return {};
  }

  visit(file);
  insertions.forEach((insertion, index) => {
    insertion.index = index;
  });
  insertions.sort((a, b) => a.position - b.position || a.opens - b.opens || a.index - b.index);
  let result = 'const __hit = globalThis.__sealaneHits;';
  let end = 0;
  for (const { position, added } of insertions) {
    result += text.slice(end, position) + added;
    end = position;
  }
  return { text: result + text.slice(end), literals };
}

/** An esbuild plugin that counts in the project's own sources, and the table of what it counted. */
export function createInstrumentation(isProduct) {
  const blocks = { count: 0, files: [] };
  const plugin = {
    name: 'count-blocks',
    setup(build) {
      build.onLoad({ filter: /[.]ts$/ }, ({ path }) => {
        if (!isProduct(path)) return undefined;
        const first = blocks.count;
        const lines = [];
        const { text, literals } = instrument(path, readFileSync(path, 'utf8'), (line) => {
          lines.push(line);
          return blocks.count++;
        });
        const { numbers, texts } = literals;
        blocks.files.push({ path, first, lines, numbers: [...numbers], texts: [...texts] });
        return { contents: text, loader: 'ts' };
      });
    },
  };
  return { plugin, blocks };
}
