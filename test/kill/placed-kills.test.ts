/**
 * Kills placed at every named step. The kills are dealt out over histories of the job: each history is killed some
 * times, every time at another step, then runs to its end. After every kill nothing may be visible twice; at the end
 * the output is the answer, nothing temporary is left, and to resume once more changes nothing.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allDone } from './all-done.ts'
import { JobHistory } from './job-history.ts'
import { KILL_STEPS, type KillStep } from './kill-steps.ts'
import { KILL_ROUNDS, type SeededRandom, seededRandom } from './seeded-random.ts'

const KILLS_PER_STEP = 3 * KILL_ROUNDS
const KILLS_PER_HISTORY = 8
/** In every so many histories it is tried that resuming once more changes nothing. */
const RESUME_AGAIN_EVERY = 3
/** Histories at the same time. */
const WORKERS = 2
/** A step that the process did not reach before it ended is placed again, earlier. */
const MISSES_MAX = 4 * KILLS_PER_STEP

interface PlacedKill {
  readonly step: KillStep
  readonly time: number
}

test('a job that is killed at any named step gives the exact output', async (t) => {
  const random = seededRandom()
  t.diagnostic(`seed ${random.seed} (MILLRACE_KILL_SEED)`)
  const kills = new Map(KILL_STEPS.map(({ name }) => [name, 0]))
  const misses = new Map(KILL_STEPS.map(({ name }) => [name, 0]))
  const due = planKills(random)
  let histories = 0

  const work = async (): Promise<void> => {
    while (due.length > 0) {
      const parallelism = 1 + (histories++ % 2)
      const history = await JobHistory.create(undefined, random)
      try {
        await killAndFinish(history, parallelism)
      } catch (error) {
        // Nothing more is begun, and what runs beside it ends and cleans up.
        due.length = 0
        throw error
      } finally {
        history.dispose()
      }
    }
  }

  const killAndFinish = async (history: JobHistory, parallelism: number): Promise<void> => {
    for (let killed = 0; killed < KILLS_PER_HISTORY && due.length > 0; ) {
      const placed = takeDue(due, killed > 0)
      if (placed === undefined) break
      const { step, time } = placed
      const { signal, outcome } = await history.run({
        parallelism,
        killPoint: `${step.point}#${time}`,
        ...optional(step),
      })
      if (signal === 'SIGKILL') {
        killed++
        kills.set(step.name, (kills.get(step.name) ?? 0) + 1)
        history.checkVisible()
        continue
      }
      assert.equal(outcome?.state, 'FINISHED', `killed at "${step.name}"#${time}\n${history.story()}`)
      const missed = (misses.get(step.name) ?? 0) + 1
      misses.set(step.name, missed)
      if (missed <= MISSES_MAX) due.push({ step, time: Math.max(1, time >> 2) })
      return history.checkFinished()
    }
    await history.finish({ parallelism })
    if (histories % RESUME_AGAIN_EVERY !== 0) return
    const before = history.fingerprint()
    const again = await history.run({ parallelism })
    assert.equal(`${again.code} ${again.outcome?.state} ${again.outcome?.recordsRead}`, '0 FINISHED 0', history.story())
    assert.deepEqual(history.fingerprint(), before, history.story())
  }

  await allDone(Array.from({ length: WORKERS }, () => work()))
  const total = [...kills.values()].reduce((sum, count) => sum + count, 0)
  t.diagnostic(`${total} kills in ${histories} histories:`)
  for (const [name, count] of kills) t.diagnostic(`${String(count).padStart(4)}  ${name}`)
  for (const [name, count] of kills) assert.ok(count > 0, `no kill was placed at "${name}"`)
})

/** Every step some times, in any order; each time at another of the times that a process gets there. */
function planKills(random: SeededRandom): PlacedKill[] {
  const kills = KILL_STEPS.flatMap((step) =>
    Array.from({ length: KILLS_PER_STEP }, (_, index) => ({
      step,
      // The first time is there in any case; the others are often early too, when a history is young.
      time: index === 0 ? 1 : random.upTo(step.timesMax),
      order: random.fraction(),
    })),
  )
  return kills.sort((a, b) => a.order - b.order)
}

function optional({ configuration }: KillStep): { readonly configuration?: Readonly<Record<string, string>> } {
  return configuration === undefined ? {} : { configuration }
}

/** The next kill; one in recovery only when there is something to recover. */
function takeDue(due: PlacedKill[], isRecovery: boolean): PlacedKill | undefined {
  const index = due.findIndex(({ step }) => isRecovery || step.reachedBy === 'any start')
  return index < 0 ? due.shift() : due.splice(index, 1)[0]
}
