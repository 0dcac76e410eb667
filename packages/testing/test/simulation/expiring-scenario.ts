/** A job whose states expire: each state beside the same one that does not. */
import { keyedProcess, listState, mapState, type, valueState } from '@millrace/api'
import { drawInput, type Rec } from './input.ts'
import { drawSink, drawSteps, jobOf, OUT, type Scenario, type Surroundings } from './scenario-parts.ts'

/** Work takes time: between the clock of a function and that of its state some may have passed. */
const CLOCK_TOLERANCE_MS = 3

/**
 * States with a time to live beside the same without one, and a function that compares them: what it says of each record
 * is right, whenever the record comes and whatever was swept, stored and restored meanwhile.
 */
export function drawExpiring({ random, userCode }: Surroundings): Scenario {
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
    files: input.files,
    expected: new Map([[OUT, input.splits.flat().map(({ k, s, n }) => `${k},${s},${n},right`)]]),
    job: jobOf((env) => {
      env.from(input.source, from).keyBy('k').process(book, process).to(sink, to)
    }),
  }
}
