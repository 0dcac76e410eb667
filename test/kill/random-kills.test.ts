/**
 * Kills at random moments, on both state backends and with all ways of barriers: from outside, some time after the start, and from inside, at any operation on any file.
 * Every history is killed several times, in recoveries too, and then runs to its end.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { allDone } from './all-done.ts'
import { JobHistory } from './job-history.ts'
import { KILL_ROUNDS, type SeededRandom, seededRandom } from './seeded-random.ts'

const HISTORIES = 8 * KILL_ROUNDS
const KILLS_PER_HISTORY = 5
const WORKERS = 2
/** The spread of kills from outside. */
const DELAY_MS_MAX = 700
/** The share of them whose time runs from the first sign of life; that of others, from when the job runs. */
const EARLY_SHARE = 0.3
const OPERATIONS_MAX = 400

test('a job that is killed at random moments gives the exact output', async (t) => {
  const random = seededRandom()
  t.diagnostic(`seed ${random.seed} (MILLRACE_KILL_SEED)`)
  const kills = { 'by time': 0, 'by file operation': 0, 'before the job ran': 0, 'with data in flight': 0 }
  const surroundings = new Map<string, number>()
  let next = 0

  const work = async (): Promise<void> => {
    while (next < HISTORIES) {
      const parallelism = 1 + (next++ % 2)
      const history = await JobHistory.create(undefined, random)
      try {
        for (let run = 0; run < KILLS_PER_HISTORY; run++) {
          const isByTime = random.fraction() < 0.6
          const { isKilled, hasRun } = await (isByTime
            ? killByTime(history, parallelism, random)
            : killByOperation(history, parallelism, random))
          if (!isKilled) break
          kills[isByTime ? 'by time' : 'by file operation']++
          if (!hasRun) kills['before the job ran']++
          if (history.hasInFlight) kills['with data in flight']++
          history.checkVisible()
          ageNamelessLocks(history.checkpoints)
        }
        await history.finish({ parallelism: 1 + (next % 2) })
      } catch (error) {
        // Nothing more is begun, and what runs beside it ends and cleans up.
        next = HISTORIES
        throw error
      } finally {
        for (const [name, count] of history.surroundings) surroundings.set(name, (surroundings.get(name) ?? 0) + count)
        history.dispose()
      }
    }
  }

  await allDone(Array.from({ length: WORKERS }, () => work()))
  for (const [how, count] of Object.entries(kills)) t.diagnostic(`${String(count).padStart(4)}  ${how}`)
  for (const [name, count] of surroundings) t.diagnostic(`${String(count).padStart(4)}  processes: ${name}`)
  assert.ok(kills['by time'] > 0 && kills['by file operation'] > 0, 'nothing was killed')
  assert.ok(kills['with data in flight'] > 0, 'no kill left data in flight')
})

interface RandomKill {
  readonly isKilled: boolean
  readonly hasRun: boolean
}

async function killByTime(history: JobHistory, parallelism: number, random: SeededRandom): Promise<RandomKill> {
  const delayMs = random.fraction() * DELAY_MS_MAX
  const isEarly = random.fraction() < EARLY_SHARE
  const process = history.start({ parallelism })
  await process.until(
    ({ event, ...rest }) => isEarly || event === 'outcome' || ('state' in rest && rest.state === 'RUNNING'),
  )
  const timer = setTimeout(() => process.kill('SIGKILL'), delayMs)
  const { signal } = await process.ended
  clearTimeout(timer)
  return { isKilled: signal === 'SIGKILL', hasRun: hasRun(process) }
}

async function killByOperation(history: JobHistory, parallelism: number, random: SeededRandom): Promise<RandomKill> {
  const moment = random.fraction() < 0.5 ? 'before' : 'after'
  const process = history.start({
    parallelism,
    killPoint: `${moment}:any:(checkpoints|output)/#${random.upTo(OPERATIONS_MAX)}`,
  })
  const { signal } = await process.ended
  return { isKilled: signal === 'SIGKILL', hasRun: hasRun(process) }
}

/** As if the next start came later: a lock that was not yet named is another process's for ten seconds. */
function ageNamelessLocks(folder: string): void {
  const longAgo = new Date(Date.now() - 60_000)
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const path = join(folder, name)
    if (name.startsWith('LOCK') && statSync(path).size === 0) utimesSync(path, longAgo, longAgo)
  }
}

function hasRun(process: { readonly events: readonly { readonly event: string; readonly state?: string }[] }): boolean {
  return process.events.some(({ event, state }) => event === 'state' && state === 'RUNNING')
}
