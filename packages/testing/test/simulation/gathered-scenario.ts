/**
 * What at-least-once promises of state: nothing is lost, and what happens twice changes nothing where doing it twice is the same
 * as doing it once. Each record is said when it comes, and at the end of the input, for each key, all that have come: so lines
 * may be there twice, and every one is one of the undisturbed run.
 */
import { keyedProcess, listState, mapState, type, valueState } from '@millrace/api'
import { drawInput, type Rec } from './input.ts'
import type { Lines } from './oracle.ts'
import {
  drawSink,
  drawSteps,
  FAR_MS,
  jobOf,
  OUT,
  readPrefixes,
  readRecords,
  type Scenario,
  type Surroundings,
} from './scenario-parts.ts'

type Row = { readonly kind: string; readonly k: number; readonly a: number; readonly b: number }

const idOf = ({ s, n }: Rec): number => s * 1_000 + n

export function drawGathered({ random, userCode }: Surroundings): Scenario {
  const input = drawInput(random, { name: 'gathered', splitsMax: 4 })
  const [from, process, to] = drawSteps(random, ['src', 'gather', 'out'])
  const sink = drawSink(random, OUT, ['kind', 'k', 'a', 'b'])
  const gather = keyedProcess({
    state: { seen: mapState<number, number>(), listed: listState<number>(), highest: valueState<number>() },
    emits: type<Row>(),
    onRecord(record: Rec, { state, timers, emit }) {
      userCode.run()
      const id = idOf(record)
      state.seen.set(id, record.v)
      if (!state.listed.get().includes(id)) state.listed.add(id)
      state.highest.set(Math.max(state.highest.get() ?? -1, id))
      timers.eventTime(FAR_MS)
      emit({ kind: 'r', k: record.k, a: record.s, b: record.n })
    },
    onTimer(_at, { state, emit, key }) {
      userCode.run()
      const values = [...state.seen.entries()].map(([, v]) => v)
      emit({ kind: 't', k: key as number, a: values.length, b: values.reduce((sum, v) => sum + v, 0) })
      emit({ kind: 'l', k: key as number, a: state.listed.get().length, b: state.highest.get() ?? -1 })
    },
  })
  const whole = gathered(input.splits)
  return {
    name: 'gathered',
    files: input.files,
    expected: new Map([[OUT, whole]]),
    expectedOf: (lines) =>
      gathered(
        readPrefixes(input.splits, lines, ([kind, , s, n]) => (kind === 'r' ? [Number(s), Number(n)] : undefined)),
      ),
    isOfPart: (line) => !line.startsWith('r') && whole.some((other) => isAtMost(line, other)),
    lackingOf: (lines, read) =>
      gathered(readRecords(input.splits, read)).filter((line) => !lines.some((other) => isAtMost(line, other))),
    job: jobOf((env) => {
      env
        .from(input.source, { ...from, watermarks: input.watermarks })
        .keyBy('k')
        .process(gather, process)
        .to(sink, to)
    }),
  }
}

/** Whether a line tells no more of a key than another one; of a single record: the same. */
function isAtMost(line: string, other: string): boolean {
  const [kind, k, count, most] = line.split(',')
  const [otherKind, otherKey, countMax, mostMax] = other.split(',')
  if (kind === 'r' || kind !== otherKind || k !== otherKey) return line === other
  return Number(count) <= Number(countMax) && Number(most) <= Number(mostMax)
}

function gathered(splits: readonly (readonly Rec[])[]): Lines {
  const records = splits.flat()
  const totals = [...Map.groupBy(records, ({ k }) => k)].flatMap(([k, own]) => [
    `t,${k},${own.length},${own.reduce((sum, { v }) => sum + v, 0)}`,
    `l,${k},${own.length},${Math.max(...own.map(idOf))}`,
  ])
  return [...records.map(({ k, s, n }) => `r,${k},${s},${n}`), ...totals]
}
