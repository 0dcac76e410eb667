/**
 * A job whose state is in RocksDB, killed at random moments: the output is exact, and a database that a killed process has left is
 * removed by the next.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { whyNoRocksdb } from '@millrace/testing'
import { JobHistory } from './job-history.ts'
import { KILL_ROUNDS, seededRandom } from './seeded-random.ts'

const HISTORIES = 2 * KILL_ROUNDS
const KILLS_PER_HISTORY = 4
/** The spread of kills, from when the job runs. */
const DELAY_MS_MAX = 500
const skip = whyNoRocksdb === undefined ? false : `NOT TESTED: ${whyNoRocksdb}`

test('a job with its state in RocksDB that is killed gives the exact output and leaves no database', {
  skip,
}, async (t) => {
  const random = seededRandom()
  t.diagnostic(`seed ${random.seed} (MILLRACE_KILL_SEED)`)
  let kills = 0
  for (let at = 0; at < HISTORIES; at++) {
    const history = await JobHistory.create()
    try {
      const databases = join(history.folder, 'databases')
      mkdirSync(databases)
      const configuration = {
        'state.backend.type': 'rocksdb',
        // Next to nothing, so that state is in the database.
        'taskmanager.memory.managed.size': '16 kb',
        'state.backend.rocksdb.localdir': databases,
      }
      const options = { parallelism: 1 + (at % 2), configuration }
      for (let run = 0; run < KILLS_PER_HISTORY; run++) {
        const process = history.start(options)
        await process.until(
          ({ event, ...rest }) => event === 'outcome' || ('state' in rest && rest.state === 'RUNNING'),
        )
        const timer = setTimeout(() => process.kill('SIGKILL'), random.fraction() * DELAY_MS_MAX)
        const { signal } = await process.ended
        clearTimeout(timer)
        if (signal !== 'SIGKILL') break
        kills++
        assert.equal(readdirSync(databases).length, 1, 'its own, and none of those before')
        history.checkVisible()
      }
      await history.finish(options)
      assert.deepEqual(readdirSync(databases), [])
    } finally {
      history.dispose()
    }
  }
  t.diagnostic(`${kills} kills`)
  assert.ok(kills > 0, 'nothing was killed')
})
