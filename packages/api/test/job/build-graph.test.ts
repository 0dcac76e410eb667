import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ascending,
  buildGraph,
  collect,
  collection,
  count,
  defineJob,
  type Env,
  isJobDefinition,
  keyedProcess,
  type LogicalGraph,
  MillraceError,
  parseJobParams,
  print,
  type StandardSchema,
  tumbling,
  type,
} from '../../src/index.ts'

type Row = { k: string; at: number }
const rows: Row[] = [{ k: 'a', at: 1 }]
const timed = { watermarks: ascending((row: Row) => row.at) }

function graphOf(build: (env: Env) => void): LogicalGraph {
  return buildGraph(
    defineJob({
      name: 'job',
      build(env) {
        build(env)
      },
    }),
    {},
  )
}

/** Asserts that a build is refused with a code, and gives the error. */
function refusal(code: string, build: (env: Env) => unknown): MillraceError {
  let found: unknown
  assert.throws(
    () => buildGraph(defineJob({ name: 'job', build: build as () => undefined }), {}),
    (error) => {
      found = error
      return error instanceof MillraceError && error.code === code
    },
  )
  return found as MillraceError
}

test('steps stand in the order in which they were written, with their edges', () => {
  const graph = graphOf((env) => {
    const counted = env
      .from(collection(rows), { ...timed, uid: 'in' })
      .filter((row) => row.at > 0)
      .keyBy('k')
      .window(tumbling({ size: '1 h' }), { allowedLateness: '5 s' })
      .aggregate({ n: count() }, ({ n }, { key }) => ({ key, n }), { name: 'counted', parallelism: 2 })
    counted.rebalance().to(print(), { uid: 'out', chain: 'never' })
    counted.sideOutput('late').to(collect('late'), { uid: 'late' })
  })
  const shape = graph.nodes.map((node) => [
    node.spec.kind,
    node.uid,
    node.uidIsDerived,
    node.name,
    node.parallelism,
    node.chain,
    node.inputs.map((edge) => `${edge.from}:${edge.sideOutput ?? 'main'}:${edge.partitioning.kind}`).join(),
  ])
  assert.deepEqual(shape, [
    ['source', 'in', false, 'collection', undefined, 'always', ''],
    ['filter', 'filter-1', true, 'filter', undefined, 'always', '0:main:forward'],
    ['window', 'window-2', true, 'counted', 2, 'always', '1:main:hash'],
    ['sink', 'out', false, 'print', undefined, 'never', '2:main:rebalance'],
    ['sink', 'late', false, 'collect', undefined, 'always', '2:late:forward'],
  ])
  const window = graph.nodes[2]?.spec
  assert.ok(window?.kind === 'window')
  assert.equal(window.allowedLatenessMs, 5_000)
  const { calledAt, ...key } = window.key
  assert.deepEqual(key, { kind: 'field', field: 'k' })
  assert.match(calledAt?.stack ?? '', /build-graph\.test\.ts:\d+/)
})

test('a union is several input edges of the next step, keyed or not', () => {
  const graph = graphOf((env) => {
    const a = env.from(collection(rows), timed)
    const b = env.from(collection(rows), timed)
    a.union(b.rebalance()).to(print())
    a.union(b)
      .keyBy((row) => [row.k])
      .reduce((x) => x)
      .to(print())
  })
  assert.deepEqual(
    graph.nodes[2]?.inputs.map((edge) => [edge.from, edge.partitioning.kind]),
    [
      [0, 'forward'],
      [1, 'rebalance'],
    ],
  )
  assert.deepEqual(
    graph.nodes[3]?.inputs.map((edge) => [edge.from, edge.partitioning.kind]),
    [
      [0, 'hash'],
      [1, 'hash'],
    ],
  )
})

test('a job built twice gives the same graph', () => {
  const job = defineJob({
    name: 'twice',
    build(env, { uid }) {
      const counted = env
        .from(collection(rows), timed)
        .keyBy('k')
        .window(tumbling({ size: '1 h' }))
        .aggregate({ n: count() }, ({ n }) => n, { uid: String(uid) })
      counted.to(print())
      counted.sideOutput('late').to(print({ label: 'late' }))
    },
  })
  // Functions differ by identity and are left out; core hashes their text.
  const shapeOf = (graph: LogicalGraph) => JSON.parse(JSON.stringify(graph))
  assert.deepEqual(shapeOf(buildGraph(job, { uid: 'n' })), shapeOf(buildGraph(job, { uid: 'n' })))
  assert.notDeepEqual(shapeOf(buildGraph(job, { uid: 'n' })), shapeOf(buildGraph(job, { uid: 'm' })))
})

test('slot sharing groups are inherited where the inputs agree', () => {
  const graph = graphOf((env) => {
    const a = env.from(collection(rows), { slotSharingGroup: 'fast' })
    const b = env.from(collection(rows))
    a.map((row) => row).to(print())
    a.union(b).to(print())
  })
  assert.deepEqual(
    graph.nodes.map((node) => node.slotSharingGroup),
    ['fast', 'default', 'fast', 'fast', 'default'],
  )
})

test('results of windows and keys without a projection leave as they are', () => {
  const graph = graphOf((env) => {
    const keyed = env.from(collection(rows), timed).keyBy('k')
    keyed.aggregate({ n: count() }, { uid: 'running' }).to(print())
    keyed
      .window(tumbling({ size: '1 h' }))
      .reduce((a) => a, { uid: 'reduced' })
      .to(print())
    const windows = keyed.window(tumbling({ size: '1 h' }))
    windows.aggregate({ n: count() }, { uid: 'counted' }).to(print())
    windows.aggregate({ n: count() }).to(print())
  })
  const running = graph.nodes[1]
  const reduced = graph.nodes[3]
  assert.ok(running?.spec.kind === 'keyedAggregate' && reduced?.spec.kind === 'window')
  assert.deepEqual([running.uid, reduced.uid], ['running', 'reduced'])
  assert.deepEqual(running.spec.project({ n: 1 }, { key: 'k' }), { n: 1 })
  const counted = graph.nodes[5]
  assert.ok(counted?.spec.kind === 'window' && graph.nodes[7]?.spec.kind === 'window')
  assert.equal(counted.uid, 'counted')
  assert.deepEqual(counted.spec.project({ n: 1 }, { key: 'k', window: { start: 0, end: 1 } }), { n: 1 })
  const { aggregate } = reduced.spec
  assert.equal(aggregate.result(aggregate.add(aggregate.create(), 'row', 0)), 'row')
  assert.equal(aggregate.merge, undefined)
})

test('what cannot run is refused', () => {
  refusal('GRAPH_EMPTY', (env) => env.from(collection(rows)))
  refusal('GRAPH_EMPTY', () => {})
  refusal('UID_DUPLICATE', (env) => env.from(collection(rows), { uid: 'x' }).to(print(), { uid: 'x' }))
  refusal('UID_DUPLICATE', (env) => env.from(collection(rows), { uid: 'sink-1' }).to(print()))
  refusal('BUILD_NOT_SYNCHRONOUS', async (env) => env.from(collection(rows)).to(print()))
  refusal('BUILD_NOT_SYNCHRONOUS', async () => assert.fail('nobody else hears this'))
  refusal('BUILD_NOT_DETERMINISTIC', (env) => env.from(collection([Math.random()])).to(print()))
  refusal('OPTION_UNKNOWN', (env) => env.from(collection(rows), { watermark: 1 } as never).to(print()))
  refusal('OPTION_UNKNOWN', (env) => env.from(collection(rows)).to(print(), { uuid: 'x' } as never))
  refusal('OPTION_INVALID', (env) => env.from(collection(rows)).map(undefined as never))
  refusal('OPTION_INVALID', (env) => env.from(collection(rows)).to({} as never))
  refusal('OPTION_INVALID', (env) => env.from(collection(rows)).to(print(), { parallelism: 0 }))
  refusal('OPTION_INVALID', (env) => env.from(collection(rows)).keyBy(3 as never))
  refusal('OPTION_INVALID', (env) => env.from(collection(rows)).to(print(), { uid: '' }))
  refusal('GRAPH_INVALID', (env) => env.from(collection(rows)).sideOutput('deadLetter'))
  refusal('GRAPH_INVALID', (env) => {
    const stream = env.from(collection(rows))
    stream.union(stream)
  })
})

test('windows need watermarks of every source before them', () => {
  const error = refusal('EVENT_TIME_WITHOUT_WATERMARKS', (env) => {
    const a = env.from(collection(rows), { ...timed, uid: 'with' })
    const b = env.from(collection(rows), { uid: 'without' })
    a.union(b.map((row) => row))
      .keyBy('k')
      .window(tumbling({ size: '1 h' }))
      .aggregate({ n: count() }, ({ n }) => n)
      .to(print())
  })
  assert.match(error.message, /"without"/)
})

test('side outputs that are not declared are refused, with the nearest name', () => {
  const error = refusal('GRAPH_INVALID', (env) => {
    const late = keyedProcess({ sideOutputs: { late: type<Row>() }, onRecord(_row: Row) {} })
    env
      .from(collection(rows))
      .keyBy('k')
      .process(late)
      .sideOutput('lat' as never)
  })
  assert.equal(error.hint, 'Did you mean "late"?')
})

test('an error of the build function is wrapped, one of Millrace is not', () => {
  const cause = new TypeError('x is not a function')
  const error = refusal('JOB_BUILD_FAILED', () => {
    throw cause
  })
  assert.equal(error.cause, cause)
  assert.match(error.message, /x is not a function/)
  refusal('DURATION_INVALID', () => tumbling({ size: '0 s' }))
})

test('steps after build has returned are refused', () => {
  let kept: Env | undefined
  graphOf((env) => {
    kept = env
    env.from(collection(rows)).to(print())
  })
  assert.throws(() => kept?.from(collection(rows)), { code: 'GRAPH_INVALID' })
})

test('job definitions', async () => {
  const job = defineJob({ name: 'a job', build() {} })
  assert.ok(isJobDefinition(job))
  assert.ok(!isJobDefinition({ name: 'a job', build() {} }))
  assert.deepEqual(await parseJobParams(job, { any: 'thing' }), { any: 'thing' })
  for (const name of ['', '../up', 'a/b', '.', 7]) {
    assert.throws(() => defineJob({ name: name as string, build() {} }), { code: 'OPTION_INVALID' })
  }
  assert.throws(() => defineJob({ name: 'x', build() {}, params: {} as never }), { code: 'OPTION_INVALID' })
  assert.throws(() => defineJob({ name: 'x', buld() {} } as never), { code: 'OPTION_UNKNOWN' })
})

test('parameters go through the schema, and its complaints are readable', async () => {
  const params: StandardSchema<unknown, { top: number }> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (raw) => {
        const top = Number((raw as { top?: unknown }).top)
        return Number.isNaN(top)
          ? { issues: [{ message: 'expected a number', path: ['top', { key: 0 }] }, { message: 'and more' }] }
          : { value: { top } }
      },
    },
  }
  const job = defineJob({ name: 'top', params, build() {} })
  assert.deepEqual(await parseJobParams(job, { top: '3' }), { top: 3 })
  await assert.rejects(parseJobParams(job, {}), {
    code: 'PARAMS_INVALID',
    message: 'The parameters of job "top" do not fit:\n  top.0: expected a number\n  and more',
  })
})
