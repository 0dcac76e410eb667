import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collection, fromAsyncIterable, generator } from '../../src/index.ts'
import { openSplit, readAll, TestClock } from './open-source.ts'

test('a collection is read in order and again from any position', async () => {
  const items = [1, 2, 3, 4, 5]
  const source = collection(items)
  items.push(6)
  assert.deepEqual(await readAll(await openSplit(source)), [1, 2, 3, 4, 5])
  for (let cut = 0; cut <= 5; cut++) {
    const reader = await openSplit(source)
    const before = await reader.next(cut)
    const rest = await openSplit(source, { position: reader.position() })
    assert.deepEqual([...before.records, ...(await readAll(rest))], [1, 2, 3, 4, 5])
  }
  assert.deepEqual(await readAll(await openSplit(collection([]))), [])
  assert.throws(() => collection(new Set([1]) as never), { code: 'OPTION_INVALID' })
})

test('a generator deals its indices to splits and continues from a position', async () => {
  const source = generator({ generate: (index) => index * 10, records: 7, splits: 3 })
  assert.deepEqual(await readAll(await openSplit(source, { split: 0 })), [0, 30, 60])
  assert.deepEqual(await readAll(await openSplit(source, { split: 1 })), [10, 40])
  assert.deepEqual(await readAll(await openSplit(source, { split: 2, position: 1 })), [50])
  const sizes = (await source.enumerate({ files: {} as never, parallelism: 1 })).map((split) => split.size?.amount)
  assert.deepEqual(sizes, [3, 2, 2])
  assert.deepEqual(await readAll(await openSplit(generator({ generate: Number, records: 0 }))), [])
  assert.deepEqual(
    await readAll(await openSplit(generator({ generate: Number, records: 1, splits: 3 }), { split: 2 })),
    [],
  )
})

test('a generator that has had more records than it is to have now ends', async () => {
  for (const rate of [{}, { perSecond: 100 }]) {
    const reader = await openSplit(generator({ generate: Number, records: 3, ...rate }), { position: 5 })
    assert.deepEqual(await reader.next(10), { records: [], end: true })
    assert.equal(reader.position(), 5)
  }
})

test('a generator without an end says so', async () => {
  const source = generator({ generate: (index) => index })
  assert.equal(source.boundedness, 'unbounded')
  const reader = await openSplit(source)
  assert.deepEqual(await reader.next(4), { records: [0, 1, 2, 3], end: false })
  assert.equal(reader.position(), 4)
})

test('a generator gives the function itself to an engine that asks for it', async () => {
  const generate = (index: number) => index * 10
  const reader = await openSplit(generator({ generate, records: 8, splits: 3 }), { split: 1 })
  const form = { compute: generate, name: 'generate', stride: 3 }
  assert.deepEqual(await reader.nextComputed?.(2), { ...form, first: 1, count: 2, end: false })
  assert.deepEqual(await reader.next(0), { records: [], end: false })
  assert.deepEqual(await reader.nextComputed?.(2), { ...form, first: 7, count: 1, end: true })
  assert.equal(reader.position(), 3)
})

test('a generator of promises is refused', async () => {
  const reader = await openSplit(generator({ generate: async () => Promise.reject(new Error('nobody')), records: 1 }))
  await assert.rejects(async () => reader.next(1), { code: 'USER_FUNCTION_FAILED', message: /^generate returned/ })
})

test('a generator keeps its rate', async () => {
  const context = new TestClock()
  const startMs = context.nowMs
  const reader = await openSplit(generator({ generate: (index) => index, records: 1_000, perSecond: 100 }), { context })
  assert.equal((await readAll(reader, 50)).length, 1_000)
  const tookMs = context.nowMs - startMs
  assert.ok(tookMs >= 10_000 && tookMs <= 10_020, `${tookMs} ms`)
})

test('a generator does not catch up more than a second after a pause, and survives a clock that steps back', async () => {
  const context = new TestClock()
  const reader = await openSplit(generator({ generate: (index) => index, perSecond: 100 }), { context })
  context.nowMs += 60_000
  assert.equal((await reader.next(10_000)).records.length, 100)
  context.nowMs -= 1_500
  assert.equal((await reader.next(10_000)).records.length, 1)
  assert.throws(() => generator({ generate: Number, perSecond: 0 }), { code: 'OPTION_INVALID' })
  assert.throws(() => generator({ generate: Number, records: -1 }), { code: 'OPTION_INVALID' })
})

test('an async iterable is read in batches of what is there', async () => {
  const waiting = Promise.withResolvers<void>()
  async function* numbers(from = 0) {
    for (let n = from; n < 8; n++) {
      if (n === 5) await waiting.promise
      yield n
    }
  }
  const source = fromAsyncIterable(() => numbers())
  assert.equal(source.replayable, false)
  const reader = await openSplit(source)
  assert.deepEqual(await reader.next(3), { records: [0, 1, 2], end: false })
  assert.deepEqual(await reader.next(10), { records: [3, 4], end: false })
  assert.equal(reader.position(), 5)
  waiting.resolve()
  assert.deepEqual(await reader.next(10), { records: [5, 6, 7], end: true })
  await assert.rejects(openSplit(source, { position: 5 }), { code: 'SOURCE_NOT_REPLAYABLE' })

  const resumable = fromAsyncIterable(() => numbers(), { resumeFrom: (position) => numbers(position) })
  assert.equal(resumable.replayable, true)
  assert.deepEqual(await readAll(await openSplit(resumable, { position: 6 })), [6, 7])
})

test('a failure of an async iterable comes after the records before it', async () => {
  async function* failing() {
    yield 1
    yield 2
    throw new Error('the line broke')
  }
  const reader = await openSplit(fromAsyncIterable(failing))
  assert.deepEqual(await reader.next(10), { records: [1, 2], end: false })
  await assert.rejects(async () => reader.next(10), /the line broke/)
})

test('closing an async iterable does not wait for it', async () => {
  async function* stuck() {
    yield 1
    await new Promise(() => {})
  }
  const reader = await openSplit(fromAsyncIterable(stuck))
  await reader.next(10)
  await reader.close()
})
