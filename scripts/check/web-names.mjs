// Which names of properties the build for browsers may shorten: `scripts/build/web-names.json`, held against the types.
// `node scripts/check/web-names.mjs --write` writes the list from the sources and what was built.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { bundleForWeb } from '../build/web.mjs';
import { root } from './root.mjs';

const list = join(root, 'scripts/build/web-names.json');
const client = join(root, 'packages/client');
const entries = ['index', 'dial/index', 'listen/index', 'browser/index', 'ticket/index'];
/** What is stored in a browser keeps its names: another version reads it. */
const storing = /\/packages\/(client\/src\/browser|crypto\/src\/web-credential)\//;
const ownSource = /\/packages\/(client|crypto|mux|protocol|types)\/src\//;
/** Looked up by its name in libsodium. */
const ofLibsodium = /^_?crypto_/;

/** Every name of the list is one that only this repository's code gives and takes, and no text is it. */
export async function checkWebNames() {
  const { names } = JSON.parse(readFileSync(list, 'utf8'));
  const { reasons } = await namesOf();
  return names
    .flatMap((name) => (reasons.has(name) ? [`${name} must keep its name: ${reasons.get(name)}`] : []))
    .concat(names.some((name) => reasons.has(name)) ? ['node scripts/check/web-names.mjs --write'] : [])
    .join('\n');
}

async function namesOf() {
  const { modules, metafile } = await bundleForWeb(client);
  // What a page loads: the browser's half of what differs, and nothing of Node's.
  const built = Object.keys(metafile.inputs).filter((input) => !input.includes('node_modules'));
  const loaded = new Set(built.map((input) => join(client, input).replace('/dist/', '/src/').replace(/\.js$/, '.ts')));
  const program = ts.createProgram([...loaded], {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: ['node'],
    typeRoots: [join(client, 'node_modules/@types')],
    strict: true,
    exactOptionalPropertyTypes: true,
    customConditions: ['@sealane/source'],
    allowImportingTsExtensions: true,
    noEmit: true,
  });
  const checker = program.getTypeChecker();
  const reasons = new Map();
  const own = new Set();
  const keep = (name, why) => {
    if (!reasons.has(name)) reasons.set(name, why);
  };
  for (const source of program.getSourceFiles()) {
    if (!loaded.has(source.fileName)) continue;
    const where = relative(root, source.fileName);
    const visit = (node) => {
      for (const text of textsOf(checker, node)) keep(text, `a text of ${where} may name it`);
      for (const name of assertedOf(checker, node)) keep(name, `what it belongs to is claimed, not known, in ${where}`);
      for (const name of handedOver(checker, node)) keep(name, `it is a name of the platform, handed over in ${where}`);
      const name = nameOf(node);
      if (name !== undefined) {
        if (isOfModule(checker, node)) keep(name, `a module exports it to ${where}`);
        if (storing.test(source.fileName)) keep(name, `it stands in ${where}, which stores`);
        const declared = declarationsOf(checker, node);
        if (declared.length === 0) keep(name, `what it belongs to is not known in ${where}`);
        else if (declared.some((file) => !ownSource.test(file))) keep(name, `it is a name of the platform in ${where}`);
        else own.add(name);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  keepPublic(program, checker, keep);
  return { own, reasons, code: modules.map(({ code }) => code).join('\n') };
}

/** Texts that can come to name a property: not those that are only compared, or are the value of one. */
function textsOf(checker, node) {
  if (ts.isElementAccessExpression(node)) {
    const type = checker.getTypeAtLocation(node.argumentExpression);
    return (type.isUnion() ? type.types : [type]).flatMap((part) => (part.isStringLiteral() ? [part.value] : []));
  }
  if (!ts.isStringLiteralLike(node)) return [];
  let { parent } = node;
  const isKey = parent.name === node || ts.isComputedPropertyName(parent);
  while (ts.isConditionalExpression(parent) || ts.isParenthesizedExpression(parent)) parent = parent.parent;
  const isTested = ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.InKeyword;
  const isHandedOn = ts.isCallOrNewExpression(parent) || ts.isArrayLiteralExpression(parent);
  return isKey || isTested || isHandedOn ? [node.text] : [];
}

/** The names of a type that is claimed of what does not come from this repository's code. */
function assertedOf(checker, node) {
  if (!ts.isAsExpression(node)) return [];
  const from = checker.getTypeAtLocation(node.expression);
  const parts = from.isUnionOrIntersection() ? from.types : [from];
  const isOurs = ({ symbol, aliasSymbol }) =>
    filesOf(undefined, aliasSymbol ?? symbol).some((file) => ownSource.test(file));
  if (parts.every((part) => isOurs(part) || part.flags & (ts.TypeFlags.StringLike | ts.TypeFlags.NumberLike)))
    return [];
  const names = new Set();
  claim(checker, checker.getTypeAtLocation(node), names, 0);
  return [...names];
}

/** The names that a value has on both sides where the platform's becomes ours, or ours the platform's. */
function handedOver(checker, node) {
  if (!ts.isExpression(node) || ts.isObjectLiteralExpression(node)) return [];
  const wanted = checker.getContextualType(node);
  if (wanted === undefined) return [];
  const given = checker.getTypeAtLocation(node);
  if (given === wanted) return [];
  return partsOf(checker, wanted).flatMap((part) =>
    checker.getPropertiesOfType(part).flatMap((property) => {
      const others = partsOf(checker, given).map((from) => checker.getPropertyOfType(from, property.name));
      const isForeign = isOfPlatform(checker, property);
      return others.some((other) => other !== undefined && isOfPlatform(checker, other) !== isForeign)
        ? [property.name]
        : [];
    }),
  );
}

function partsOf(checker, type) {
  const whole = checker.getNonNullableType(type);
  const parts = whole.isUnion() ? whole.types : [whole];
  return parts.filter(({ flags }) => (flags & ts.TypeFlags.Object) !== 0 || flags & ts.TypeFlags.Intersection);
}

function isOfPlatform(checker, symbol) {
  const files = filesOf(checker, symbol);
  return files.length > 0 && !files.some((file) => ownSource.test(file));
}

/** What is claimed of a thing is claimed of all that belongs to it. */
function claim(checker, type, names, depth) {
  for (const property of checker.getPropertiesOfType(checker.getNonNullableType(type))) {
    if (!filesOf(checker, property).some((file) => ownSource.test(file))) continue;
    names.add(property.name);
    if (depth < 3) claim(checker, checker.getTypeOfSymbol(property), names, depth + 1);
  }
}

/** The property that an expression reads, an object literal or a pattern names, or a class declares. */
function nameOf(node) {
  if (ts.isPropertyAccessExpression(node)) return ts.isPrivateIdentifier(node.name) ? undefined : node.name.text;
  if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
    const name = node.propertyName ?? node.name;
    return node.dotDotDotToken === undefined && ts.isIdentifier(name) ? name.text : undefined;
  }
  const isMember = ts.isObjectLiteralElementLike(node) || ts.isClassElement(node) || ts.isTypeElement(node);
  return isMember && node.name !== undefined && ts.isIdentifier(node.name) ? node.name.text : undefined;
}

/** What a module exports keeps its name, also where it is reached through `import *`. */
function isOfModule(checker, node) {
  if (!ts.isPropertyAccessExpression(node)) return false;
  const type = checker.getTypeAtLocation(node.expression);
  return type.symbol !== undefined && (type.symbol.flags & ts.SymbolFlags.ValueModule) !== 0;
}

/** The files that declare it: for a literal and a class also what they are taken for. None where nobody knows. */
function declarationsOf(checker, node) {
  if (ts.isPropertyAccessExpression(node)) return filesOf(checker, checker.getSymbolAtLocation(node.name));
  if (ts.isBindingElement(node)) {
    const type = checker.getTypeAtLocation(node.parent);
    return filesOf(checker, checker.getPropertyOfType(type, (node.propertyName ?? node.name).text));
  }
  const files = filesOf(checker, checker.getSymbolAtLocation(node.name));
  if (ts.isObjectLiteralExpression(node.parent)) {
    const contextual = checker.getContextualType(node.parent);
    if (contextual === undefined) return files;
    const parts = contextual.isUnion() ? contextual.types : [contextual];
    const found = parts.flatMap((part) => {
      const symbol = checker.getPropertyOfType(checker.getNonNullableType(part), node.name.text);
      return symbol === undefined ? [] : filesOf(checker, symbol);
    });
    // Where the literal is taken for something that has no such property, it is a key: of `details`, for instance.
    return found.length === 0 ? [] : [...files, ...found];
  }
  if (ts.isClassLike(node.parent)) {
    for (const { types } of node.parent.heritageClauses ?? []) {
      for (const type of types) {
        const symbol = checker.getPropertyOfType(checker.getTypeAtLocation(type), node.name.text);
        if (symbol !== undefined) files.push(...filesOf(checker, symbol));
      }
    }
  }
  return files;
}

function filesOf(checker, symbol) {
  if (symbol === undefined) return [];
  const roots = checker?.getRootSymbols(symbol) ?? [];
  return [symbol, ...roots].flatMap(({ declarations = [] }) =>
    declarations.map((declaration) => declaration.getSourceFile().fileName),
  );
}

/** Everything that can be reached by type from what the entries export, except what is marked as internal. */
function keepPublic(program, checker, keep) {
  const seen = new Set();
  const visitSymbol = (symbol, path) => {
    if (symbol === undefined) return;
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    if (seen.has(target)) return;
    seen.add(target);
    for (const declaration of target.declarations ?? []) {
      if (ownSource.test(declaration.getSourceFile().fileName)) visit(declaration, `${path} > ${target.name}`);
    }
  };
  const visit = (node, path) => {
    if (ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal')) return;
    const isPrivate = node.name !== undefined && ts.isPrivateIdentifier(node.name);
    if (isPrivate || ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) return;
    if (ts.isBlock(node)) return;
    // A class that implements something has its members itself.
    if (ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ImplementsKeyword) return;
    const isMember = ts.isClassElement(node) || ts.isTypeElement(node) || ts.isObjectLiteralElementLike(node);
    if (isMember && node.name !== undefined) keep(node.name.text, `it is public: ${path}`);
    if (ts.isTypeReferenceNode(node)) visitSymbol(checker.getSymbolAtLocation(node.typeName), path);
    if (ts.isExpressionWithTypeArguments(node)) visitSymbol(checker.getSymbolAtLocation(node.expression), path);
    if (ts.isTypeQueryNode(node)) visitSymbol(checker.getSymbolAtLocation(node.exprName), path);
    ts.forEachChild(node, (child) => visit(child, path));
  };
  for (const entry of entries) {
    const source = program.getSourceFile(join(client, `src/${entry}.ts`));
    const module = checker.getSymbolAtLocation(source);
    for (const symbol of checker.getExportsOfModule(module)) visitSymbol(symbol, entry);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { own, reasons, code } = await namesOf();
  const used = new Set([...code.matchAll(/[.{,\s]([A-Za-z_]\w+)\b/g)].map(([, name]) => name));
  const names = [...own].filter((name) => used.has(name) && !reasons.has(name) && !ofLibsodium.test(name)).sort();
  if (process.argv.includes('--write')) {
    writeFileSync(list, `${JSON.stringify({ names }, null, 2)}\n`);
  } else if (process.argv.includes('--why')) {
    for (const [name, why] of reasons) if (own.has(name) && used.has(name)) console.log(name, '<-', why);
  }
  console.log(`${names.length} names of ${own.size} can be shortened`);
}
