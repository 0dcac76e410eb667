/** A slot that no record wakes: it names the times at which it has to act all the same, and acts at no other. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import {
  collect,
  defineJob,
  type JobDefinition,
  type Source,
  type SourceBatch,
  type ValueStateDescriptor,
  valueState,
} from '@millrace/api'
import type { TableUsage } from '@millrace/core'
import type { FromSlot } from '../../src/slot/protocol.ts'
import type { Slot } from '../../src/slot/slot.ts'
import { HeapStateBackend } from '../../src/state/heap/heap-state-backend.ts'
import { ManualClock } from '../coordinator/manual-clock.ts'
import { deploySlot } from './deployed-slot.ts'

/** More than one step of a clean-up removes. */
const KEYS = 5_000
const TTL_MS = 1_000

interface Asleep {
  readonly slot: Slot
  readonly told: readonly FromSlot[]
  readonly clock: ManualClock
  readonly backend: HeapStateBackend
}

/** A slot whose state has an entry for each key, and to which nothing more comes. */
async function fallAsleep(t: TestContext, seen: ValueStateDescriptor<number>): Promise<Asleep> {
  const clock = new ManualClock()
  const backends: HeapStateBackend[] = []
  const { slot, told } = await deploySlot(t, jobOf(seen), {
    clock,
    isFed: true,
    createBackend: (keyGroups, maxParallelism) => {
      const now = (): number => clock.now()
      const backend = new HeapStateBackend({ keyGroups, maxParallelism, now, monotonicMs: () => clock.monotonicMs() })
      backends.push(backend)
      return backend
    },
  })
  slot.onMessage({ type: 'start', restoredEventTimes: {} })
  const [backend] = backends as [HeapStateBackend]
  for (let turns = 0; slot.turn() || entriesOf(backend.usage()) < KEYS; turns++) {
    assert.ok(turns < 10_000, `${entriesOf(backend.usage())} entries after ${turns} turns`)
    await setImmediate()
  }
  return { slot, told, clock, backend }
}

/** All keys at once, and then nothing for as long as anybody looks. */
const once: Source<number, number> = {
  kind: 'once',
  options: {},
  boundedness: 'unbounded',
  replayable: true,
  enumerate: async () => [{ id: 'all', payload: 'all' }],
  open: async () => {
    let isRead = false
    return {
      next: (): SourceBatch<number> | Promise<SourceBatch<number>> => {
        if (isRead) return new Promise(() => {})
        isRead = true
        return { records: Array.from({ length: KEYS }, (_, key) => key), end: false }
      },
      position: () => (isRead ? KEYS : 0),
      close: async () => {},
    }
  },
}

const jobOf = (seen: ValueStateDescriptor<number>): JobDefinition =>
  defineJob({
    name: 'asleep',
    build(env) {
      env
        .from(once, { uid: 'keys' })
        .keyBy((key: number) => key)
        .process(
          {
            state: { seen },
            onRecord(key: number, ctx) {
              ctx.state.seen.set(key)
            },
          },
          { uid: 'remember' },
        )
        .to(collect('nothing'), { uid: 'out' })
    },
  }) as unknown as JobDefinition

const entriesOf = (usage: readonly TableUsage[]): number => usage.find(({ name }) => name === 'seen')?.entries ?? 0

function lastTold(told: readonly FromSlot[]): TableUsage | undefined {
  const messages = told.flatMap((message) => (message.type === 'state-usage' ? message.usage : []))
  return messages.findLast(({ name }) => name === 'seen')
}

/** Lets it sleep until it wants a turn, again and again until it `isDone`; the time that passed. */
function sleepUntil({ slot, clock }: Asleep, isDone: () => boolean): number {
  const startMs = clock.now()
  for (let wakes = 0; !isDone(); wakes++) {
    assert.ok(wakes < 100, `woke ${wakes} times in ${clock.now() - startMs} ms`)
    const dueMs = slot.nextDueMs()
    assert.ok(dueMs !== undefined, 'it sleeps for good')
    clock.pass(Math.max(1, Math.ceil(dueMs - clock.now())))
    while (slot.turn()) {}
  }
  return clock.now() - startMs
}

test('wakes to clean up what has expired, one bounded step after the other', async (t) => {
  const asleep = await fallAsleep(t, valueState<number>({ ttl: `${TTL_MS} ms` as const }))
  const { backend, told } = asleep
  const tookMs = sleepUntil(asleep, () => entriesOf(backend.usage()) === 0)
  // A thirty-second of the time to live until it is known, and some steps of ten milliseconds.
  assert.ok(tookMs >= TTL_MS && tookMs < TTL_MS + 400, `${tookMs} ms`)
  assert.deepEqual([lastTold(told)?.entries, lastTold(told)?.expiredEntries], [0, 0])
})

test('wakes once more to tell what its state has become', async (t) => {
  const asleep = await fallAsleep(t, valueState<number>())
  const tookMs = sleepUntil(asleep, () => lastTold(asleep.told)?.entries === KEYS)
  assert.ok(tookMs <= 1_100, `${tookMs} ms`)
})

test('wakes to tell that entries have expired that nobody cleans up', async (t) => {
  const asleep = await fallAsleep(t, valueState<number>({ ttl: { after: '30 s', cleanupInBackground: false } }))
  const tookMs = sleepUntil(asleep, () => lastTold(asleep.told)?.expiredEntries === KEYS)
  assert.ok(tookMs >= 30_000 && tookMs <= 33_000, `${tookMs} ms`)
  assert.equal(lastTold(asleep.told)?.entries, KEYS)
})
