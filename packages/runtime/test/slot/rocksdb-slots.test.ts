/** State in RocksDB in the threads of a job: what is shown of it, where it is, and that nothing of it stays. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { whyNoRocksdb } from '@millrace/testing'
import { threadJobs } from './thread-job.ts'

const { runText } = threadJobs()
const skip = whyNoRocksdb === undefined ? false : `NOT TESTED: ${whyNoRocksdb}`
const folder = mkdtempSync(join(tmpdir(), 'millrace-rocksdb-slots-'))
after(() => rmSync(folder, { recursive: true }))

/** Two tasks with keyed state in each slot, a hundred keys each. */
const JOB = `import { ascending, collect, defineJob, generator, keyedProcess, type, valueState } from '@millrace/api'
import { readdirSync } from 'node:fs'
const counted = () => keyedProcess({
  key: type<number>(), state: { seen: valueState<number>() }, emits: type<{ key: number; seen: number }>(),
  onRecord(record: { key: number }, ctx) {
    const seen = (ctx.state.seen.get() ?? 0) + 1
    ctx.state.seen.set(seen)
    if (readdirSync(process.env.MILLRACE_TEST_FOLDER ?? '').length !== 1) throw new Error('there is no folder of this run')
    ctx.emit({ key: record.key, seen })
  },
})
export default defineJob({
  name: 'counted',
  build(env) {
    env.from(generator({ records: 1_000, generate: (n) => ({ key: n % 100 }) }), { uid: 'numbers' })
      .keyBy('key').process(counted(), { uid: 'first' })
      .keyBy('key').process(counted(), { uid: 'second' })
      .map(({ key, seen }) => key + ':' + seen, { uid: 'text' })
      .to(collect('out'), { uid: 'out' })
  },
})`

describe('slots with state in RocksDB', { skip }, () => {
  it('give what slots with state on the heap give, show figures of the store, and leave nothing behind', async () => {
    process.env.MILLRACE_TEST_FOLDER = folder
    const configuration = {
      'state.backend.type': 'rocksdb',
      'taskmanager.memory.managed.size': '64 kb',
      'io.tmp.dirs': folder,
      'parallelism.default': '2',
    }
    const { state, error, collected, reading } = await runText(JOB, configuration)
    assert.equal(state, 'FINISHED', error?.message)
    const expected = Array.from({ length: 1_000 }, (_, n) => `${n % 100}:${Math.floor(n / 100) + 1}`).sort()
    assert.deepEqual(((collected.out ?? []) as string[]).sort(), expected)
    const stores = (reading?.tasks ?? []).flatMap(({ metrics }) =>
      metrics?.store === undefined ? [] : [metrics.store],
    )
    assert.ok(stores.length >= 2, `${stores.length} tasks show a store`)
    for (const store of stores) {
      assert.ok((store['rocksdb.block-cache-capacity'] ?? 0) >= 1024 ** 2, JSON.stringify(store))
    }
    assert.deepEqual(readdirSync(folder), [])
  })

  it('fail with the folder in the message when it is gone', async () => {
    const { state, error } = await runText(JOB, {
      'state.backend.type': 'rocksdb',
      'state.backend.rocksdb.localdir': join(folder, 'missing'),
    })
    assert.deepEqual([state, error?.code], ['FAILED', 'CONFIG_INVALID_VALUE'])
    assert.match(`${error?.message} ${error?.hint}`, /missing.*state\.backend\.rocksdb\.localdir/)
  })
})
