/** Jobs that are small and touch much: each with its input and the answer that it must give whatever happens. */
import {
  count,
  defineJob,
  type Env,
  type JobDefinition,
  keyedProcess,
  listState,
  type MemorySize,
  mapState,
  reducingState,
  type Sink,
  type StepOptions,
  sliding,
  sum,
  tumbling,
  type,
  valueState,
} from '@millrace/api'
import { csvSink } from '@millrace/files'
import type { SeededRandom, UserCode } from '@millrace/testing'
import { drawInput, type Rec } from './input.ts'
import { type Lines, lateWindows, ledger, topRows, windowRows } from './oracle.ts'

export interface Scenario {
  readonly name: string
  readonly job: JobDefinition
  readonly files: ReadonlyMap<string, string>
  /** By output folder. */
  readonly expected: ReadonlyMap<string, Lines>
  /** From the output of a drained job: what it must be, for as much of the input as it shows to have been read. */
  readonly expectedOf?: (lines: Lines) => Lines
  /** Only repeats records when they are processed again, so that at-least-once can be checked. */
  readonly isStateless: boolean
}

interface Surroundings {
  readonly random: SeededRandom
  readonly userCode: UserCode
  readonly watermarkEvery: number
  /** Turns do much at once, so that there may be much to do. */
  readonly isHasty: boolean
}

type DrawScenario = (surroundings: Surroundings) => Scenario

/** Those that see most are drawn twice as often. */
export const SCENARIOS: readonly DrawScenario[] = [
  drawLedger,
  drawLedger,
  drawWindows,
  drawLate,
  drawLate,
  drawTop,
  drawUnion,
  drawCopy,
  drawDelayed,
  drawExpiring,
]

const OUT = '/out/main'
const LATE = '/out/late'
/** Work takes time: between the clock of a function and that of its state some may have passed. */
const CLOCK_TOLERANCE_MS = 3
/** Beyond every record: reached at the end of the input only. */
const FAR_MS = 9_000_000_000_000

function drawLedger({ random, userCode }: Surroundings): Scenario {
  const input = drawInput(random, { name: 'ledger', splitsMax: 4 })
  const bucketMs = random.pick([10, 40, 200])
  const book = keyedProcess({
    state: {
      previous: mapState<number, number>(),
      sums: mapState<number, number>(),
      items: listState<{ readonly end: number; readonly v: number }>(),
      closed: valueState<number>(),
    },
    emits: type<LedgerRow>(),
    onRecord({ s, n, k, t, v }: Rec, { state, timers, emit }) {
      userCode.run()
      emit({ kind: 'r', k, a: s, b: n, c: state.previous.get(s) ?? -1, d: 0 })
      state.previous.set(s, n)
      const end = (Math.floor(t / bucketMs) + 1) * bucketMs
      state.sums.set(end, (state.sums.get(end) ?? 0) + v)
      state.items.add({ end, v })
      timers.eventTime(end)
      // Never fires: taken back when the bucket closes, before its time.
      timers.eventTime(end + 1)
    },
    onTimer(at, { state, timers, emit, key }) {
      userCode.run()
      const total = state.sums.get(at)
      if (total === undefined) {
        emit({ kind: 'x', k: key as number, a: at, b: 0, c: 0, d: 0 })
        return
      }
      timers.deleteEventTime(at + 1)
      const items = state.items.get()
      const rest = items.filter(({ end }) => end !== at)
      const closed = (state.closed.get() ?? 0) + 1
      emit({ kind: 'b', k: key as number, a: at, b: items.length - rest.length, c: total, d: closed })
      state.sums.delete(at)
      state.closed.set(closed)
      if (rest.length === 0) state.items.clear()
      else state.items.set(rest)
    },
  })
  const [from, map, process, to] = drawSteps(random, ['src', 'map', 'ledger', 'out'])
  // At the source's parallelism, so that the records of a split take one way.
  const { parallelism } = from ?? {}
  const { parallelism: _own, ...mapOptions } = map ?? {}
  const mapLikeSource: StepOptions = { ...mapOptions, ...(parallelism === undefined ? {} : { parallelism }) }
  const sink = drawSink(random, OUT, ['kind', 'k', 'a', 'b', 'c', 'd'])
  return {
    name: 'ledger',
    isStateless: false,
    files: input.files,
    expected: new Map([[OUT, ledger(input.splits, bucketMs)]]),
    expectedOf: (lines) => ledger(readPrefixes(input.splits, lines), bucketMs),
    job: jobOf((env) => {
      env
        .from(input.source, { ...from, watermarks: input.watermarks })
        .map((record) => ({ ...record }), mapLikeSource)
        .keyBy('k')
        .process(book, process)
        .to(sink, to)
    }),
  }
}

/** The ledger shows every record that it was given, so that its output says how far each split was read. */
function readPrefixes(splits: readonly (readonly Rec[])[], lines: Lines): Rec[][] {
  const counts = new Map<number, number>()
  for (const line of lines) {
    const [kind, , split] = line.split(',')
    if (kind === 'r') counts.set(Number(split), (counts.get(Number(split)) ?? 0) + 1)
  }
  return splits.map((records) => records.slice(0, counts.get(records[0]?.s ?? -1) ?? 0))
}

type LedgerRow = {
  readonly kind: string
  readonly k: number
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
}

function drawWindows({ random, userCode }: Surroundings): Scenario {
  const input = drawInput(random, { name: 'windows', splitsMax: 4 })
  const { sizeMs, slideMs } = drawWindow(random)
  const lateness = random.pick(['0 ms', '15 ms'] as const)
  const [from, window, to] = drawSteps(random, ['src', 'win', 'out'])
  const sink = drawSink(random, OUT, ['k', 'end', 'n', 'v'])
  const rows = windowRows(input.splits.flat(), sizeMs, slideMs)
  return {
    name: 'windows',
    isStateless: false,
    files: input.files,
    expected: new Map([[OUT, rows.map(({ k, end, n, v }) => `${k},${end},${n},${v}`)]]),
    job: jobOf((env) => {
      env
        .from(input.source, { ...from, watermarks: input.watermarks })
        .keyBy('k')
        .window(sliding({ size: `${sizeMs} ms`, slide: `${slideMs} ms` }), { allowedLateness: lateness })
        .aggregate(
          { n: count(), v: sum((record: Rec) => failing(userCode, record.v)) },
          ({ n, v }, context) => ({ k: context.key, end: context.window.end, n, v }),
          window,
        )
        .to(sink, to)
    }),
  }
}

/** One split and one source subtask: only then it is fixed which records are late. */
function drawLate({ random, userCode, watermarkEvery }: Surroundings): Scenario {
  const input = drawInput(random, { name: 'late', splitsMax: 1, mayBeLate: true })
  const { sizeMs, slideMs } = drawWindow(random)
  const latenessMs = random.pick([0, 0, 7, 40])
  const [from, window, to, toLate] = drawSteps(random, ['src', 'win', 'out', 'late'])
  const sink = drawSink(random, OUT, ['k', 'end', 'n', 'v'])
  const lateSink = drawSink(random, LATE, ['k', 't', 'v'])
  const given = { sizeMs, slideMs, latenessMs, boundMs: input.boundMs, watermarkEvery }
  const { main, late } = lateWindows(input.splits.flat(), given)
  return {
    name: 'late',
    isStateless: false,
    files: input.files,
    expected: new Map([
      [OUT, main],
      [LATE, late],
    ]),
    job: jobOf((env) => {
      const windows = env
        .from(input.source, { ...from, parallelism: 1, watermarks: input.watermarks })
        .keyBy('k')
        .window(sliding({ size: `${sizeMs} ms`, slide: `${slideMs} ms` }), { allowedLateness: `${latenessMs} ms` })
        .aggregate(
          { n: count(), v: sum((record: Rec) => failing(userCode, record.v)) },
          ({ n, v }, context) => ({ k: context.key, end: context.window.end, n, v }),
          window,
        )
      windows.to(sink, to)
      windows.sideOutput('late').to(lateSink, toLate)
    }),
  }
}

function drawTop({ random, userCode }: Surroundings): Scenario {
  const input = drawInput(random, { name: 'top', splitsMax: 3 })
  const { sizeMs, slideMs } = drawWindow(random)
  const [from, window, process, to] = drawSteps(random, ['src', 'win', 'top', 'out'])
  const sink = drawSink(random, OUT, ['end', 'rank', 'k', 'v'])
  type Row = { readonly k: number; readonly end: number; readonly v: number }
  const top = keyedProcess({
    state: { rows: listState<Row>() },
    emits: type<{ end: number; rank: number; k: number; v: number }>(),
    onRecord(row: Row, { state, timers }) {
      state.rows.add(row)
      timers.eventTime(row.end)
    },
    onTimer(end, { state, emit }) {
      userCode.run()
      const rows = state.rows.get().toSorted((a, b) => b.v - a.v || a.k - b.k)
      state.rows.clear()
      for (const [index, { k, v }] of rows.slice(0, 3).entries()) emit({ end, rank: index + 1, k, v })
    },
  })
  return {
    name: 'top',
    isStateless: false,
    files: input.files,
    expected: new Map([[OUT, topRows(windowRows(input.splits.flat(), sizeMs, slideMs), 3)]]),
    job: jobOf((env) => {
      env
        .from(input.source, { ...from, watermarks: input.watermarks })
        .keyBy('k')
        .window(sliding({ size: `${sizeMs} ms`, slide: `${slideMs} ms` }))
        .reduce(
          (a, b) => ({ ...a, v: a.v + b.v }),
          ({ k, v }, context): Row => ({ k, v, end: context.window.end }),
          window,
        )
        .keyBy('end')
        .process(top, process)
        .to(sink, to)
    }),
  }
}

function drawUnion({ random, userCode, isHasty }: Surroundings): Scenario {
  const left = drawInput(random, { name: 'left', splitsMax: 3 })
  const right = drawInput(random, { name: 'right', splitsMax: 2 })
  const names = ['left', 'right', 'copies', 'filter', 'map', 'win', 'out']
  const [fromLeft, fromRight, copies, filter, map, window, to] = drawSteps(random, names)
  const sink = drawSink(random, OUT, ['k', 'end', 'n', 'v'])
  const sizeMs = random.pick([20, 100])
  // More than an inbox takes, out of one call.
  const burst = isHasty && random.chance(0.4) ? 1_500 : 5
  const copiesOf = (record: Rec): Rec[] => Array(record.v === 7 && record.n === 3 ? burst : record.v % 3).fill(record)
  const kept = [...left.splits.flat(), ...right.splits.flat()].flatMap(copiesOf).filter(({ v }) => v !== 4)
  const rows = windowRows(kept, sizeMs, sizeMs)
  return {
    name: 'union',
    isStateless: false,
    files: new Map([...left.files, ...right.files]),
    expected: new Map([[OUT, rows.map(({ k, end, n, v }) => `${k},${end},${n},${2 * v}`)]]),
    job: jobOf((env) => {
      env
        .from(left.source, { ...fromLeft, watermarks: left.watermarks })
        .union(env.from(right.source, { ...fromRight, watermarks: right.watermarks }))
        .flatMap(copiesOf, copies)
        .filter(({ v }) => v !== 4, filter)
        .rebalance()
        .map((record) => ({ ...record, v: 2 * failing(userCode, record.v) }), map)
        .keyBy('k')
        .window(tumbling({ size: `${sizeMs} ms` }))
        .aggregate(
          { n: count(), v: sum((record: Rec) => record.v) },
          ({ n, v }, context) => ({ k: context.key, end: context.window.end, n, v }),
          window,
        )
        .to(sink, to)
    }),
  }
}

function drawCopy({ random, userCode, isHasty }: Surroundings): Scenario {
  const input = drawInput(random, { name: 'copy', splitsMax: 4 })
  const [from, copy, map, to] = drawSteps(random, ['src', 'copies', 'map', 'out'])
  const sink = drawSink(random, OUT, ['s', 'n', 'v'])
  const isRebalanced = random.chance(0.5)
  const burst = random.pick([1, 1, 3, isHasty ? 1_200 : 20])
  const copiesOf = (record: Rec): Rec[] =>
    Array(record.n % 50 === 7 ? burst : 1 + (record.v % Math.min(burst, 3))).fill(record)
  return {
    name: 'copy',
    isStateless: true,
    files: input.files,
    expected: new Map([
      [
        OUT,
        input.splits
          .flat()
          .flatMap(copiesOf)
          .map(({ s, n, v }) => `${s},${n},${v}`),
      ],
    ]),
    job: jobOf((env) => {
      // Chained to the source, where a barrier may come while it is at work.
      const records = env.from(input.source, from).flatMap(copiesOf, { ...copy, chain: 'always' })
      const copies = (isRebalanced ? records.rebalance() : records).map(
        ({ s, n, v }) => ({ s, n, v: failing(userCode, v) }),
        map,
      )
      copies.to(sink, to)
    }),
  }
}

function drawDelayed({ random, userCode }: Surroundings): Scenario {
  const input = drawInput(random, { name: 'delayed', splitsMax: 3 })
  const [from, process, to] = drawSteps(random, ['src', 'delay', 'out'])
  const sink = drawSink(random, OUT, ['k', 's', 'n'])
  const delay = keyedProcess({
    state: { held: listState<Rec>(), total: reducingState<number>((a, b) => a + b) },
    emits: type<{ k: number; s: number; n: number }>(),
    onRecord(record: Rec, { state, timers, now }) {
      userCode.run()
      state.held.add(record)
      state.total.add(record.v)
      timers.processingTime(now() + (record.v % 5))
      timers.eventTime(FAR_MS)
    },
    onTimer(_at, { state, emit, key }, domain) {
      userCode.run()
      for (const { k, s, n } of state.held.get()) emit({ k, s, n })
      state.held.clear()
      if (domain === 'event') emit({ k: key as number, s: -1, n: state.total.get() ?? -1 })
    },
  })
  const totals = [...Map.groupBy(input.splits.flat(), ({ k }) => k)].map(
    ([k, records]) => `${k},-1,${records.reduce((total, { v }) => total + v, 0)}`,
  )
  return {
    name: 'delayed',
    isStateless: false,
    files: input.files,
    expected: new Map([[OUT, [...input.splits.flat().map(({ k, s, n }) => `${k},${s},${n}`), ...totals]]]),
    job: jobOf((env) => {
      env
        .from(input.source, { ...from, watermarks: input.watermarks })
        .keyBy('k')
        .process(delay, process)
        .to(sink, to)
    }),
  }
}

/**
 * States with a time to live beside the same without one, and a function that compares them: what it says of each record
 * is right, whenever the record comes and whatever was swept, stored and restored meanwhile.
 */
function drawExpiring({ random, userCode }: Surroundings): Scenario {
  const input = drawInput(random, { name: 'expiring', splitsMax: 3 })
  const ttlMs = random.pick([2, 15, 100, 3_000, 30_000])
  const ttl = {
    after: `${ttlMs} ms` as const,
    update: random.pick(['onCreateAndWrite', 'onReadAndWrite'] as const),
    cleanupInBackground: random.chance(0.8),
  }
  const renews = ttl.update === 'onReadAndWrite'
  const [from, process, to] = drawSteps(random, ['src', 'expire', 'out'])
  const sink = drawSink(random, OUT, ['k', 's', 'n', 'verdict'])
  type Written = { readonly id: number; readonly atMs: number }
  /** Whether `ids` are those of `written` that have not expired; within the tolerance either is right. */
  const isRight = (ids: readonly number[], written: readonly Written[], nowMs: number): boolean => {
    const there = new Set(ids)
    if (there.size !== ids.length || ids.some((id) => !written.some((each) => each.id === id))) return false
    return written.every(({ id, atMs }) => {
      const ageMs = nowMs - atMs
      return Math.abs(ageMs - ttlMs) <= CLOCK_TOLERANCE_MS || there.has(id) === ageMs < ttlMs
    })
  }
  const book = keyedProcess({
    state: {
      value: valueState<number>({ ttl }),
      map: mapState<number, number>({ ttl }),
      list: listState<number>({ ttl }),
      lastValue: valueState<Written>(),
      lastByPart: mapState<number, Written>(),
      all: listState<Written>(),
    },
    emits: type<{ k: number; s: number; n: number; verdict: string }>(),
    onRecord({ k, s, n }: Rec, { state, emit, now }) {
      userCode.run()
      const nowMs = now()
      const id = s * 1_000 + n
      const part = n % 3
      const wrong: string[] = []
      const value = state.value.get()
      const lastValue = state.lastValue.get()
      if (!isRight(value === undefined ? [] : [value], lastValue === undefined ? [] : [lastValue], nowMs)) {
        wrong.push(`value ${value} of ${JSON.stringify(lastValue)}`)
      }
      const list = state.list.get()
      const all = state.all.get()
      if (!isRight(list, all, nowMs)) wrong.push(`list ${list.join('+')} of ${JSON.stringify(all)}`)
      const entries = [...state.map.entries()]
      const byPart = [...state.lastByPart.entries()]
      if (
        !isRight(
          entries.map(([, entry]) => entry),
          byPart.map(([, written]) => written),
          nowMs,
        )
      ) {
        wrong.push(`map ${JSON.stringify(entries)} of ${JSON.stringify(byPart)}`)
      }
      // A read renews what it gives.
      const seen = (given: readonly number[], written: readonly Written[]): Written[] =>
        written.filter((each) => given.includes(each.id)).map((each) => (renews ? { ...each, atMs: nowMs } : each))
      const written = { id, atMs: nowMs }
      state.all.set([...seen(list, all), written])
      for (const [key, each] of byPart) {
        const [kept] = seen(
          entries.map(([, entry]) => entry),
          [each],
        )
        if (kept === undefined) state.lastByPart.delete(key)
        else state.lastByPart.set(key, kept)
      }
      state.lastByPart.set(part, written)
      state.lastValue.set(written)
      state.value.set(id)
      state.map.set(part, id)
      state.list.add(id)
      emit({ k, s, n, verdict: wrong.length === 0 ? 'right' : wrong.join(' ').replaceAll(',', ';') })
    },
  })
  return {
    name: 'expiring',
    isStateless: false,
    files: input.files,
    expected: new Map([[OUT, input.splits.flat().map(({ k, s, n }) => `${k},${s},${n},right`)]]),
    job: jobOf((env) => {
      env.from(input.source, from).keyBy('k').process(book, process).to(sink, to)
    }),
  }
}

function jobOf(build: (env: Env) => void): JobDefinition {
  return defineJob({ name: 'simulated', build: (env) => build(env) }) as unknown as JobDefinition
}

function failing<T>(userCode: UserCode, value: T): T {
  userCode.run()
  return value
}

function drawWindow(random: SeededRandom): { sizeMs: number; slideMs: number } {
  const slideMs = random.pick([10, 25, 60])
  return { slideMs, sizeMs: slideMs * random.pick([1, 1, 2, 4]) }
}

/** Drawn once: the plan must be the same in every slot and after every restart. */
function drawSteps(random: SeededRandom, uids: readonly string[]): StepOptions[] {
  return uids.map((uid) => ({
    uid,
    ...(random.chance(0.3) ? { parallelism: 1 + random.below(3) } : {}),
    ...(random.chance(0.3) ? { chain: random.pick(['never', 'head'] as const) } : {}),
    ...(random.chance(0.15) ? { slotSharingGroup: random.pick(['a', 'b']) } : {}),
  }))
}

function drawSink(random: SeededRandom, folder: string, columns: readonly string[]): Sink<object> {
  return csvSink(folder, {
    columns,
    rollOnCheckpoint: random.chance(0.5),
    rollBytes: random.pick<MemorySize>(['30 b', '300 b', '1 mb']),
  }) as unknown as Sink<object>
}
