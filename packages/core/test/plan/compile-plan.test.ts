import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError, type NodeSpec, type WindowSpec } from '@millrace/api'
import { compilePlan, slotsNeeded, vertexIdOf } from '../../src/plan/compile-plan.ts'
import type { PhysicalPlan } from '../../src/plan/physical-plan.ts'
import {
  filter,
  forward,
  GraphBuilder,
  hash,
  keyedReduce,
  map,
  process,
  rebalance,
  type StepOptions,
  sink,
  source,
  window,
} from './graph-builder.ts'

/** The vertices as names, the edges as `from[step].side =kind=> to`. */
function outline(plan: PhysicalPlan): { vertices: string[]; edges: string[] } {
  const index = new Map(plan.vertices.map((vertex, at) => [vertex.id, at]))
  return {
    vertices: plan.vertices.map((vertex) => `${vertex.name} x${vertex.parallelism}`),
    edges: plan.edges.map((edge) => {
      const side = edge.sideOutput === undefined ? '' : `.${edge.sideOutput}`
      return `${index.get(edge.from)}[${edge.fromStep}]${side} =${edge.partitioning.kind}=> ${index.get(edge.to)}`
    }),
  }
}

const twoSteps = (first: StepOptions, second: StepOptions) => (graph: GraphBuilder) => {
  const from = graph.add(source(), [], first)
  graph.add(sink(), [forward(from)], second)
}

const cases: { name: string; write: (graph: GraphBuilder) => void; vertices: string[]; edges: string[] }[] = [
  {
    name: 'a linear stream is one chain',
    write(graph) {
      const from = graph.add(source())
      const mapped = graph.add(map(), [forward(from)])
      graph.add(sink(), [forward(graph.add(filter, [forward(mapped)]))])
    },
    vertices: ['source -> map -> filter -> sink x2'],
    edges: [],
  },
  {
    name: 'a keyed step starts a chain and may be followed in it',
    write(graph) {
      const reduced = graph.add(keyedReduce, [hash(graph.add(source()))])
      graph.add(sink(), [forward(reduced)])
    },
    vertices: ['source x2', 'keyedReduce -> sink x2'],
    edges: ['0[0] =hash=> 1'],
  },
  {
    name: 'rebalance is an exchange',
    write(graph) {
      graph.add(sink(), [rebalance(graph.add(source()))])
    },
    vertices: ['source x2', 'sink x2'],
    edges: ['0[0] =rebalance=> 1'],
  },
  {
    name: 'another parallelism turns forward into rebalance',
    write: twoSteps({ parallelism: 1 }, {}),
    vertices: ['source x1', 'sink x2'],
    edges: ['0[0] =rebalance=> 1'],
  },
  {
    name: 'an explicit parallelism equal to the default chains',
    write: twoSteps({ parallelism: 2 }, {}),
    vertices: ['source -> sink x2'],
    edges: [],
  },
  {
    name: 'another slot sharing group is another vertex',
    write: twoSteps({}, { slotSharingGroup: 'heavy' }),
    vertices: ['source x2', 'sink x2'],
    edges: ['0[0] =forward=> 1'],
  },
  {
    name: 'chain: never, in front',
    write: twoSteps({ chain: 'never' }, {}),
    vertices: ['source x2', 'sink x2'],
    edges: ['0[0] =forward=> 1'],
  },
  {
    name: 'chain: never, behind',
    write: twoSteps({}, { chain: 'never' }),
    vertices: ['source x2', 'sink x2'],
    edges: ['0[0] =forward=> 1'],
  },
  {
    name: 'chain: head begins a chain that others join',
    write(graph) {
      const mapped = graph.add(map(), [forward(graph.add(source()))], { chain: 'head' })
      graph.add(sink(), [forward(mapped)])
    },
    vertices: ['source x2', 'map -> sink x2'],
    edges: ['0[0] =forward=> 1'],
  },
  {
    name: 'two readers of one output: neither joins it',
    write(graph) {
      const from = graph.add(source())
      graph.add(sink(), [forward(from)])
      graph.add(map(), [forward(from)])
    },
    vertices: ['source x2', 'sink x2', 'map x2'],
    edges: ['0[0] =forward=> 1', '0[0] =forward=> 2'],
  },
  {
    name: 'a union is one vertex with several edges, sources first',
    write(graph) {
      const a = graph.add(map(), [forward(graph.add(source()))])
      const b = graph.add(source())
      graph.add(sink(), [forward(a), forward(b)])
    },
    vertices: ['source -> map x2', 'source x2', 'sink x2'],
    edges: ['0[1] =forward=> 2', '1[0] =forward=> 2'],
  },
  {
    name: 'a stream united with itself has two edges',
    write(graph) {
      const from = graph.add(source())
      graph.add(sink(), [forward(from), forward(from)])
    },
    vertices: ['source x2', 'sink x2'],
    edges: ['0[0] =forward=> 1', '0[0] =forward=> 1'],
  },
  {
    name: 'side outputs leave from the middle of a chain',
    write(graph) {
      const from = graph.add(source(['deadLetter']))
      const split = graph.add(process, [forward(from)])
      graph.add(sink(), [forward(split)])
      graph.add(sink(), [forward(split, 'odd')])
      graph.add(sink(), [forward(from, 'deadLetter')])
    },
    vertices: ['source -> process -> sink x2', 'sink x2', 'sink x2'],
    edges: ['0[1].odd =forward=> 1', '0[0].deadLetter =forward=> 2'],
  },
  {
    name: 'a late output of a window',
    write(graph) {
      const windowed = graph.add(window, [hash(graph.add(source()))])
      graph.add(sink(), [forward(windowed)])
      graph.add(sink(), [forward(windowed, 'late')])
    },
    vertices: ['source x2', 'window -> sink x2', 'sink x2'],
    edges: ['0[0] =hash=> 1', '1[0].late =forward=> 2'],
  },
]

for (const { name, write, vertices, edges } of cases) {
  test(name, () => {
    const graph = new GraphBuilder()
    write(graph)
    const plan = compilePlan(graph.build(), { parallelism: 2 })
    assert.deepEqual(outline(plan), { vertices, edges })
    assert.equal(new Set(plan.edges.map((edge) => edge.id)).size, plan.edges.length, 'edge ids are unique')
  })
}

test('vertices are identified by the uid of their first step', () => {
  const graph = new GraphBuilder()
  graph.add(sink(), [forward(graph.add(source(), [], { uid: 'numbers' }))])
  const [vertex] = compilePlan(graph.build(), { parallelism: 1 }).vertices
  assert.equal(vertex?.id, vertexIdOf('numbers'))
  assert.match(vertexIdOf('numbers'), /^[0-9a-f]{32}$/)
})

test('a vertex goes by names, else by uids that the user gave, else by kinds', () => {
  const graph = new GraphBuilder()
  const from = graph.add(source(), [], { uid: 'read', uidIsDerived: false, name: 'numbers' })
  const mapped = graph.add(map(), [forward(from)], { uid: 'scale', uidIsDerived: false, name: 'times two' })
  graph.add(sink(), [forward(graph.add(filter, [forward(mapped)]))], { uid: 'out', uidIsDerived: false, name: 'print' })
  const [vertex] = compilePlan(graph.build(), { parallelism: 1 }).vertices
  assert.equal(vertex?.name, 'read -> times two -> filter -> out')
})

test('maximum parallelism: the default per vertex, or what is set', () => {
  const graph = new GraphBuilder()
  const from = graph.add(source(), [], { parallelism: 1 })
  graph.add(sink(), [forward(from)], { parallelism: 200 })
  const of = (plan: PhysicalPlan) => plan.vertices.map((vertex) => vertex.maxParallelism)
  assert.deepEqual(of(compilePlan(graph.build(), { parallelism: 2 })), [128, 512])
  assert.deepEqual(of(compilePlan(graph.build(), { parallelism: 2, maxParallelism: 720 })), [720, 720])
})

test('slots: per group the widest vertex', () => {
  const graph = new GraphBuilder()
  const from = graph.add(source(), [], { parallelism: 1 })
  const mapped = graph.add(map(), [forward(from)], { parallelism: 3 })
  graph.add(sink(), [forward(mapped)], { slotSharingGroup: 'out' })
  assert.deepEqual(
    slotsNeeded(compilePlan(graph.build(), { parallelism: 2 })),
    new Map([
      ['default', 3],
      ['out', 2],
    ]),
  )
})

test('records for a window whose aggregate can merge are combined before the exchange, others are not', () => {
  const partitioningOf = (spec: NodeSpec) => {
    const graph = new GraphBuilder()
    graph.add(sink(), [forward(graph.add(spec, [hash(graph.add(source()))]))])
    return compilePlan(graph.build(), { parallelism: 1 }).edges.map(({ partitioning }) => partitioning)
  }
  const spec = window as WindowSpec
  const { merge: _, ...withoutMerge } = { ...spec.aggregate }
  assert.deepEqual(partitioningOf({ ...spec, aggregate: { ...withoutMerge, merge: (into: number) => into } }), [
    { kind: 'hash', field: 'id', combines: true },
  ])
  assert.deepEqual(partitioningOf({ ...spec, aggregate: withoutMerge }), [{ kind: 'hash', field: 'id' }])
  assert.deepEqual(partitioningOf(keyedReduce), [{ kind: 'hash', field: 'id' }])
})

test('facts of a window', () => {
  const graph = new GraphBuilder()
  graph.add(sink('exactly-once'), [forward(graph.add(window, [hash(graph.add(source()))]))])
  const steps = compilePlan(graph.build(), { parallelism: 1 }).vertices.flatMap((vertex) => vertex.steps)
  assert.deepEqual(steps.find((step) => step.kind === 'window')?.facts, {
    key: 'id',
    window: 'sliding',
    sizeMs: 3_600_000,
    slideMs: 300_000,
    offsetMs: 0,
    allowedLatenessMs: 1_000,
    aggregate: 'count',
    sideOutputs: ['late'],
  })
  assert.deepEqual(steps.find((step) => step.kind === 'sink')?.facts, {
    sink: 'print',
    options: {},
    guarantee: 'exactly-once',
  })
})

test('a stateful step with a derived uid is warned of, others are not', () => {
  const graph = new GraphBuilder()
  const from = graph.add(source(), [], { uidIsDerived: false })
  const mapped = graph.add(map(), [forward(from)])
  const reduced = graph.add(keyedReduce, [hash(mapped)], { uid: 'keyedReduce-3', name: 'totals' })
  graph.add(sink(), [forward(reduced)])
  const { warnings } = compilePlan(graph.build(), { parallelism: 1 })
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /"totals".*"keyedReduce-3"/)
})

const refused: { name: string; code: string; message: RegExp; settings?: object; write: (g: GraphBuilder) => void }[] =
  [
    { name: 'no sink', code: 'GRAPH_EMPTY', message: /no sink/, write: (g) => g.add(source()) },
    {
      name: 'two equal uids',
      code: 'UID_DUPLICATE',
      message: /"a" and "b" both have the uid "x"/,
      write: twoSteps({ uid: 'x', name: 'a' }, { uid: 'x', name: 'b' }),
    },
    {
      name: 'a step above the maximum parallelism',
      code: 'GRAPH_INVALID',
      message: /"map" has the parallelism 9, above the maximum parallelism 8/,
      settings: { parallelism: 1, maxParallelism: 8 },
      write: twoSteps({ parallelism: 9, name: 'map' }, {}),
    },
    {
      name: 'a parallelism of zero',
      code: 'GRAPH_INVALID',
      message: /parallelism 0/,
      write: twoSteps({ parallelism: 0 }, {}),
    },
    {
      name: 'a default parallelism that is no count',
      code: 'GRAPH_INVALID',
      message: /Parallelism 1.5/,
      settings: { parallelism: 1.5 },
      write: twoSteps({}, {}),
    },
    {
      name: 'a keyed step with an input that is not keyed',
      code: 'GRAPH_INVALID',
      message: /is keyed and has an input that is not/,
      write: (g) => g.add(sink(), [forward(g.add(keyedReduce, [forward(g.add(source()))]))]),
    },
    {
      name: 'an input that comes later',
      code: 'GRAPH_INVALID',
      message: /reads step 1, which does not come before it/,
      write: (g) => g.add(sink(), [forward(1)]),
    },
    {
      name: 'a side output that does not exist',
      code: 'GRAPH_INVALID',
      message: /reads the side output "even", which "process" does not have/,
      write: (g) => g.add(sink(), [forward(g.add(process, [forward(g.add(source()))]), 'even')]),
    },
    {
      name: 'a step without input',
      code: 'GRAPH_INVALID',
      message: /has no input/,
      write: (g) => g.add(sink()),
    },
  ]

for (const { name, code, message, settings, write } of refused) {
  test(`refused: ${name}`, () => {
    const graph = new GraphBuilder()
    write(graph)
    assert.throws(
      () => compilePlan(graph.build(), { parallelism: 2, ...settings }),
      (error) => error instanceof MillraceError && error.code === code && message.test(error.message),
    )
  })
}
