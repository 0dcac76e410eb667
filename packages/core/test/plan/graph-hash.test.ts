import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeSpec } from '@millrace/api'
import { canonicalText, graphHash } from '../../src/plan/graph-hash.ts'
import { stableHash128 } from '../../src/plan/stable-hash.ts'
import { forward, GraphBuilder, map, type StepOptions, sink, source } from './graph-builder.ts'

function job(spec: NodeSpec, options: StepOptions = {}, name = 'job') {
  const graph = new GraphBuilder()
  const mapped = graph.add(spec, [forward(graph.add(source()))], options)
  graph.add(sink(), [forward(mapped)])
  return graph.build(name)
}

const settings = { parallelism: 2 }
const double = () => map((n: number) => n * 2)

test('two builds of one job have one hash', () => {
  assert.equal(graphHash(job(double()), settings), graphHash(job(double()), settings))
  assert.match(graphHash(job(double()), settings), /^[0-9a-f]{32}$/)
})

test('what decides the run changes the hash', () => {
  const hashes = [
    graphHash(job(double()), settings),
    graphHash(job(double()), { parallelism: 3 }),
    graphHash(job(double()), { parallelism: 2, maxParallelism: 64 }),
    graphHash(job(double(), {}, 'other'), settings),
    graphHash(job(double(), { uid: 'doubled' }), settings),
    graphHash(job(double(), { parallelism: 1 }), settings),
    graphHash(job(double(), { chain: 'head' }), settings),
    graphHash(job(map((n: number) => n * 3)), settings),
    graphHash(job({ kind: 'filter', filter: (n: number) => n > 2 }), settings),
  ]
  assert.equal(new Set(hashes).size, hashes.length)
})

test('the order of properties does not count, absent and undefined are one', () => {
  assert.equal(canonicalText({ b: [1, { d: null, c: 'x' }], a: undefined }), '{"b":[1,{"c":"x","d":null}]}')
})

test('hashes of text never change', () => {
  assert.deepEqual(['', 'a', 'vertex:source', 'ä€😀', 'x'.repeat(1_000)].map(stableHash128), [
    '00000000000000000000000000000000',
    '05236d8a449f4b0b6d72483d3a4d476c',
    '590f41d43e3a477e05fc015e8a1d8852',
    '9492770f848ee1cfad26e374e248c6da',
    'd6f261ee010a59b611dba10894295556',
  ])
})

test('texts that differ by little or by trailing zeros differ in their hash', () => {
  const texts = ['', '\0', '\0\0', 'a', 'a\0', 'b', 'ab', 'ba', ...Array.from({ length: 500 }, (_, i) => `uid-${i}`)]
  assert.equal(new Set(texts.map(stableHash128)).size, texts.length)
})
