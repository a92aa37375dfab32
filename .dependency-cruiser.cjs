/** The layers of ARCHITECTURE.md as rules: types <- crypto, protocol <- mux <- client, server <- apps. */
const source = '^packages/([^/]+)/src/';

/** Who may use which package of the project. Everything not listed is refused. */
const layers = {
  types: [],
  crypto: ['types'],
  protocol: ['types'],
  mux: ['types', 'protocol'],
  client: ['types', 'protocol', 'mux', 'crypto'],
  server: ['types', 'protocol', 'mux', 'crypto'],
  testkit: ['types'],
  'hostile-relay': ['types', 'crypto', 'protocol', 'server'],
};

/** Third-party libraries and the only places that may import them. */
const importers = {
  'libsodium-wrappers': '^packages/crypto/',
  '@msgpack/msgpack': '^packages/protocol/test/',
  ws: '^packages/(client|server)/(src/.*[.]test[.]ts|test/)|^packages/integration-tests/test/',
  commander: '^apps/',
  'https-proxy-agent': '^packages/client/src/transport/',
  'proxy-from-env': '^packages/client/src/transport/',
  libsql: '^apps/relay/src/database/libsql-driver',
  pino: '^apps/relay/src/observability/relay-log',
  'prom-client': '^apps/relay/src/observability/metrics-page',
  yaml: '^apps/relay/(src/settings/yaml-source|test/)',
};

const tests = '([.]test[.]ts|[.]test-d[.]ts)$|/test/';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Imports of types alone are gone at run time and may point back.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'not-resolvable',
      severity: 'error',
      from: { pathNot: tests },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared',
      severity: 'error',
      comment: 'A package imports only what its package.json names.',
      from: { path: '^(packages|apps)/[^/]+/src/', pathNot: tests },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-development-dependency',
      severity: 'error',
      from: { path: '^(packages|apps)/[^/]+/src/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev'], pathNot: 'node_modules/@types/' },
    },
    ...Object.entries(layers).map(([name, allowed]) => ({
      name: `layer-${name}`,
      severity: 'error',
      from: { path: `^packages/${name}/src/`, pathNot: tests },
      to: { path: '^(packages|apps)/', pathNot: `^packages/(${[name, ...allowed].join('|')})/` },
    })),
    {
      name: 'no-testkit-in-products',
      severity: 'error',
      from: {
        path: '^(packages/(?!testkit|hostile-relay|integration-tests|fuzz)[^/]+|apps/[^/]+)/src/',
        pathNot: tests,
      },
      to: { path: '^packages/(testkit|hostile-relay|integration-tests)/' },
    },
    {
      name: 'relay-never-reaches-e2ee',
      severity: 'error',
      comment: 'That the relay cannot decrypt is visible in the tree.',
      from: { path: '^(packages/server|apps/relay)/src/', pathNot: tests },
      to: { path: '^packages/crypto/src/e2ee/', reachable: true },
    },
    {
      name: 'one-transport',
      severity: 'error',
      comment: 'Browser and Node differ behind #transport, nowhere else.',
      from: { path: '^packages/client/src/', pathNot: `${tests}|^packages/client/src/(transport|node)/` },
      to: {
        path: '^packages/client/src/transport/(websocket-node|proxy)',
        dependencyTypesNot: ['type-only', 'aliased-subpath-import'],
      },
    },
    {
      name: 'no-node-in-portable-packages',
      severity: 'error',
      // mux/node is for programs, as crypto/key-file is.
      from: { path: '^packages/(types|protocol|mux)/src/', pathNot: [...[tests].flat(), '^packages/mux/src/node/'] },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-internals',
      severity: 'error',
      comment: 'Packages meet at their exports, never by a path into another.',
      from: { path: source },
      to: { path: source, pathNot: '^packages/$1/src/', dependencyTypes: ['local'] },
    },
    ...Object.entries(importers).map(([library, allowed]) => ({
      name: `one-importer-${library.replace(/[@/]/g, '')}`,
      severity: 'error',
      from: { path: '^(packages|apps)/', pathNot: allowed },
      to: { path: `node_modules/(@types/)?${library}/` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(packages|apps)/[^/]+/dist/' },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@sealane/source', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
    tsConfig: { fileName: 'tsconfig.base.json' },
  },
};
