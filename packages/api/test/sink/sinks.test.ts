import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collect, formatRecord, print, type SinkCommitterContext, type SinkWriterContext } from '../../src/index.ts'

function writerContext(more: Partial<SinkWriterContext> = {}): SinkWriterContext {
  return {
    files: {} as never,
    lineage: '0123456789abcdef',
    jobName: 'job',
    uid: 'out',
    subtask: 0,
    parallelism: 1,
    attempt: 0,
    firstEpoch: 1,
    nonce: 'ab12',
    now: () => 0,
    count() {},
    ...more,
  }
}

/** Gathers deliveries as a host has to: an id that came before changes nothing. */
class Caller implements SinkCommitterContext {
  readonly files = {} as never
  readonly uid = 'out'
  readonly #seen = new Set<string>()
  readonly collected: Record<string, unknown[]> = {}

  report(): void {}

  deliver(channel: string, id: string, values: readonly unknown[]): void {
    if (this.#seen.has(id)) return
    this.#seen.add(id)
    const list = this.collected[channel] ?? []
    this.collected[channel] = list
    list.push(...values)
  }
}

test('collected records reach the caller once, when they are committed', async () => {
  const sink = collect<number>('numbers')
  const caller = new Caller()
  const writer = await sink.openWriter(writerContext(), [])
  const committer = await sink.openCommitter?.(caller)
  assert.ok(committer !== undefined)
  await writer.write([1, 2], [0, 0])
  const one = await writer.prepare(1, 'checkpoint')
  await writer.write([3], [0])
  assert.deepEqual(caller.collected, {})
  const two = await writer.prepare(2, 'end')
  await committer.commit(one.committables)
  await committer.commit([...one.committables, ...two.committables])
  assert.deepEqual(caller.collected, { numbers: [1, 2, 3] })
  assert.deepEqual((await writer.prepare(3, 'end')).committables, [])
})

test('collected records keep their values through JSON', async () => {
  const values = [
    { a: 1, b: [null, undefined, true], c: { $: 'number', v: 'x' } },
    [-0, Number.NaN, Number.POSITIVE_INFINITY, 2n ** 70n],
    new Map<unknown, unknown>([[{ k: 1 }, new Set([1, 'a'])]]),
    new Date(5),
    new Date(Number.NaN),
    new Uint8Array([1, 255]),
    new Float64Array([Number.NaN, -0]),
    new BigInt64Array([-5n]),
    new Uint8Array([1, 2, 255]).buffer,
    new DataView(new Uint8Array([0, 1, 255, 0]).buffer, 1, 2),
    JSON.parse('{"__proto__": 1}'),
    '\ud800',
    undefined,
    null,
  ]
  const sink = collect('values')
  const caller = new Caller()
  const writer = await sink.openWriter(writerContext(), [])
  await writer.write(values, [])
  const { committables } = await writer.prepare(1, 'checkpoint')
  await (await sink.openCommitter?.(caller))?.commit(JSON.parse(JSON.stringify(committables)))
  assert.deepEqual(caller.collected.values, values)
})

test('what cannot be collected is refused', async () => {
  const writer = await collect('values').openWriter(writerContext(), [])
  const circular: unknown[] = []
  circular.push(circular)
  for (const value of [() => {}, Symbol('s'), new (class Own {})(), { nested: new URL('http://a.b') }, circular]) {
    assert.throws(() => writer.write([value], [0]), { code: 'VALUE_NOT_ENCODABLE' })
  }
  assert.throws(() => collect(''), { code: 'OPTION_INVALID' })
  const committer = await collect('values').openCommitter?.({ files: {} as never, uid: 'out', report() {} })
  await assert.rejects(async () => committer?.commit([]), { code: 'GRAPH_INVALID' })
})

test('printed lines are numbered only where several subtasks print', async () => {
  const lines: string[] = []
  const port = { print: (line: string) => lines.push(line) }
  const alone = await print().openWriter(writerContext(port), [])
  const labelled = await print({ label: 'delays' }).openWriter(writerContext(port), [])
  const third = await print({ label: 'delays' }).openWriter(writerContext({ ...port, subtask: 2, parallelism: 4 }), [])
  for (const writer of [alone, labelled, third]) await writer.write(['text', { n: 1 }], [0, 0])
  assert.deepEqual(lines, ['text', '{"n":1}', 'delays> text', 'delays> {"n":1}', 'delays 3> text', 'delays 3> {"n":1}'])
  assert.equal(print().guarantee, 'at-least-once')
  await assert.rejects(print().openWriter(writerContext(), []), { code: 'GRAPH_INVALID' })
})

test('print refuses what a record may not hold, instead of leaving it out', async () => {
  const writer = await print().openWriter(writerContext({ print: () => {} }), [])
  class Order {}
  for (const record of [{ act() {} }, { a: [Symbol('s')] }, new Order(), { later: Promise.resolve(1) }]) {
    assert.throws(() => writer.write([record], [0]), { code: 'VALUE_NOT_ENCODABLE' })
  }
  await writer.write([{ at: new Date(0), n: -0, of: new Map([[1n, new Set([undefined])]]) }], [0])
})

test('records as lines', () => {
  const cases: readonly [unknown, string][] = [
    [12n, '"12n"'],
    [undefined, 'undefined'],
    [new Map([['a', new Set([1])]]), '{"a":[1]}'],
    [[Number.NaN, null], '["NaN",null]'],
  ]
  for (const [record, line] of cases) assert.equal(formatRecord(record), line)
})

test('a record that no line can show is refused, for trying again would not help', () => {
  const circle: Record<string, unknown> = {}
  circle.self = circle
  const record = {
    toJSON() {
      throw new Error('mine')
    },
  }
  assert.throws(() => formatRecord(circle), { code: 'VALUE_NOT_ENCODABLE', message: /JSON: Converting circular/ })
  assert.throws(() => formatRecord(record), { code: 'VALUE_NOT_ENCODABLE', message: /JSON: mine/ })
})
