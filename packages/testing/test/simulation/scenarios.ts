/** Jobs that are small and touch much: each with its input and the answer that it must give whatever happens. */
import {
  count,
  keyedProcess,
  listState,
  mapState,
  reducingState,
  type StepOptions,
  sliding,
  sum,
  tumbling,
  type,
  valueState,
} from '@millrace/api'
import { drawExpiring } from './expiring-scenario.ts'
import { drawGathered } from './gathered-scenario.ts'
import { drawInput, type Rec } from './input.ts'
import { compareLines } from './inspection.ts'
import { type Lines, lateWindows, ledger, topRows, windowRows } from './oracle.ts'
import {
  drawSink,
  drawSteps,
  drawWindow,
  FAR_MS,
  failing,
  jobOf,
  OUT,
  readPrefixes,
  readRecords,
  type Scenario,
  type Surroundings,
} from './scenario-parts.ts'

interface ScenarioDraw {
  readonly draw: (surroundings: Surroundings) => Scenario
  /** How likely it is drawn beside the others; those that see most twice as often. */
  readonly weight: number
  /** What is processed again gives lines again that it gave before, and no other ones. */
  readonly allowsAtLeastOnce?: true
}

const SCENARIOS: readonly ScenarioDraw[] = [
  { draw: drawLedger, weight: 2 },
  { draw: drawWindows, weight: 1 },
  { draw: drawLate, weight: 2 },
  { draw: drawTop, weight: 1 },
  { draw: drawUnion, weight: 1 },
  { draw: drawCopy, weight: 1, allowsAtLeastOnce: true },
  { draw: drawDelayed, weight: 1 },
  { draw: drawExpiring, weight: 1 },
  { draw: drawGathered, weight: 1, allowsAtLeastOnce: true },
]

/** One for which the guarantee can be checked. */
export function drawScenario(surroundings: Surroundings, mode: 'exactly-once' | 'at-least-once' | 'none'): Scenario {
  const fit = SCENARIOS.filter(({ allowsAtLeastOnce }) => mode !== 'at-least-once' || allowsAtLeastOnce === true)
  const { draw } = surroundings.random.pick(fit.flatMap((each) => Array<ScenarioDraw>(each.weight).fill(each)))
  return draw(surroundings)
}

const LATE = '/out/late'

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
    files: input.files,
    expected: new Map([[OUT, ledger(input.splits, bucketMs)]]),
    expectedOf: (lines) => {
      const read = readPrefixes(input.splits, lines, ([kind, , s, n]) =>
        kind === 'r' ? [Number(s), Number(n)] : undefined,
      )
      return ledger(read, bucketMs)
    },
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
  const isRebalanced = random.chance(0.5)
  const burst = random.pick([1, 1, 3, isHasty ? 1_200 : 20])
  const sink = drawSink(random, OUT, ['s', 'n', 'v'], burst > 100)
  const copiesOf = (record: Rec): Rec[] =>
    Array(record.n % 50 === 7 ? burst : 1 + (record.v % Math.min(burst, 3))).fill(record)
  const linesOf = (splits: readonly (readonly Rec[])[]): Lines =>
    splits
      .flat()
      .flatMap(copiesOf)
      .map(({ s, n, v }) => `${s},${n},${v}`)
  return {
    name: 'copy',
    files: input.files,
    expected: new Map([[OUT, linesOf(input.splits)]]),
    expectedOf: (lines) => linesOf(readPrefixes(input.splits, lines, ([s, n]) => [Number(s), Number(n)])),
    lackingOf: (lines, read) => compareLines(lines, linesOf(readRecords(input.splits, read))).missing,
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
