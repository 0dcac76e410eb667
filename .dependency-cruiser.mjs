// Which package may import which: api <- core <- runtime <- rest <- cli <- millrace; connectors stand on api alone, testing on
// api, core and runtime. `npm run deps:check` fails on anything else.

const mayImport = {
  api: [],
  core: ['api'],
  runtime: ['api', 'core'],
  'connectors/[^/]+': ['api'],
  testing: ['api', 'core', 'runtime'],
  rest: ['api', 'core', 'runtime'],
  cli: ['api', 'core', 'runtime', 'rest'],
  millrace: ['api', 'core', 'runtime', 'connectors/[^/]+', 'rest', 'cli'],
}

/** Files of a package that others may import: the targets of its `exports`. */
const entryFiles = [
  '^packages/(connectors/[^/]+|[^/]+)/src/index[.]ts$',
  '^packages/runtime/src/slot/slot-main[.]ts$',
  '^packages/cli/src/main[.]ts$',
  '^packages/millrace/src/(files|state|checkpoints)[.]ts$',
]

const anyPackage = '^packages/(connectors/[^/]+|api|core|runtime|rest|testing|cli|millrace)/'

const layers = Object.entries(mayImport).map(([name, others]) => ({
  name: `layers-${name.replace('/[^/]+', '')}`,
  comment: `Sources of ${name.replace('[^/]+', '*')} may import ${others.length > 0 ? others.join(', ').replace('[^/]+', '*') : 'no other package of Millrace'}.`,
  severity: 'error',
  from: { path: `^packages/${name === 'connectors/[^/]+' ? '(connectors/[^/]+)' : `(${name})`}/src/` },
  to: { path: '^packages/', pathNot: ['^packages/$1/', ...others.map((other) => `^packages/${other}/`)] },
}))

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...layers,
    {
      name: 'pure',
      comment: 'api and core know no platform: they import nothing that Node brings.',
      severity: 'error',
      from: { path: '^packages/(api|core)/src/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-deep-import',
      comment: 'Another package is imported through its exports.',
      severity: 'error',
      from: { path: anyPackage },
      to: { path: '^packages/', pathNot: ['^packages/$1/', ...entryFiles] },
    },
    {
      name: 'no-deep-import-from-outside',
      comment: 'What lies outside packages/ imports packages through their exports.',
      severity: 'error',
      from: { pathNot: '^packages/' },
      to: { path: '^packages/', pathNot: entryFiles },
    },
    {
      name: 'no-relative-import-of-a-package',
      comment: 'Another package is imported by its name, not by a path.',
      severity: 'error',
      from: { path: anyPackage },
      to: {
        path: '^packages/',
        pathNot: '^packages/$1/',
        dependencyTypes: ['local'],
        dependencyTypesNot: ['npm', 'aliased'],
      },
    },
    {
      name: 'no-circular',
      comment: 'No import cycles, not even of types.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-test-in-source',
      comment: 'Sources do not import tests.',
      severity: 'error',
      from: { path: '^packages/.+/src/' },
      to: { path: '/test/' },
    },
    {
      name: 'declared',
      comment: "What a package's sources import stands among its dependencies.",
      severity: 'error',
      from: { path: '^packages/.+/src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'resolvable',
      comment: 'Every import leads somewhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no API that dependency-cruiser could parse with. swc keeps type imports, so they count too.
    parser: 'swc',
    combinedDependencies: false,
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['/dist/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@millrace/source', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mts', '.js', '.mjs', '.json', '.d.ts'],
      mainFields: ['module', 'main', 'types'],
    },
  },
}
