/** Crashes at moments that have a name of their own: around the first and the last checkpoint, in recovery, by other signals. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { FRESH, JobHistory } from './job-history.ts'

/** Only the final checkpoint is taken. */
const FINAL_ONLY = { 'execution.checkpointing.interval': '1 h' }
const FEW_ITEMS = 1_500
/** The job lasts some seconds, so that it still runs when it is killed. */
const SLOWLY = { perSecond: 1_500 }

async function newHistory(t: TestContext, generatedItems?: number): Promise<JobHistory> {
  const history = await JobHistory.create(generatedItems)
  t.after(() => history.dispose())
  return history
}

for (const parallelism of [1, 2]) {
  test(`killed before the first checkpoint, parallelism ${parallelism}: resume starts fresh and cleans up`, async (t) => {
    const history = await newHistory(t)
    const { signal } = await history.run({
      parallelism,
      restore: FRESH,
      configuration: FINAL_ONLY,
      killPoint: 'within:write:/running/#2',
    })
    assert.equal(signal, 'SIGKILL', history.story())
    assert.notEqual(history.temporariesOf('running').length, 0, 'there was something to clean up')
    await history.finish({ parallelism })
  })

  test(`killed between the final manifest and its commits, parallelism ${parallelism}: resume commits and emits nothing`, async (t) => {
    const history = await newHistory(t, FEW_ITEMS)
    const configuration = FINAL_ONLY
    const { signal } = await history.run({ parallelism, configuration, killPoint: 'after:sync-renamed:/chk-1$#1' })
    assert.equal(signal, 'SIGKILL', history.story())
    assert.deepEqual(history.linesOf('windows'), [], 'nothing was committed before')
    const { code, outcome } = await history.run({ parallelism, configuration })
    assert.equal(`${code} ${outcome?.state} ${outcome?.recordsRead}`, '0 FINISHED 0', history.story())
    await history.checkFinished()
  })

  test(`killed within the commits of the final checkpoint, and again in their recovery, parallelism ${parallelism}`, async (t) => {
    const history = await newHistory(t, FEW_ITEMS)
    const configuration = FINAL_ONLY
    const killPoint = 'before:rename-next:/windows/#1'
    for (let kill = 0; kill < 3; kill++) {
      const { signal } = await history.run({ parallelism, configuration, killPoint })
      assert.equal(signal, 'SIGKILL', history.story())
      history.checkVisible()
    }
    const { code, outcome } = await history.run({ parallelism, configuration })
    assert.equal(`${code} ${outcome?.state} ${outcome?.recordsRead}`, '0 FINISHED 0', history.story())
    await history.checkFinished()
  })

  test(`killed twice in a row, the second time in recovery, parallelism ${parallelism}`, async (t) => {
    const history = await newHistory(t)
    const first = history.start({ parallelism, params: SLOWLY })
    await first.until((event) => event.event === 'checkpoint' && event.id >= 3)
    first.kill('SIGKILL')
    assert.equal((await first.ended).signal, 'SIGKILL')
    const second = history.start({ parallelism })
    await second.until((event) => event.event === 'state' && event.state === 'INITIALIZING')
    second.kill('SIGKILL')
    assert.equal((await second.ended).signal, 'SIGKILL', history.story())
    history.checkVisible()
    await history.finish({ parallelism })
  })
}

test('resume after the end changes nothing', async (t) => {
  const history = await newHistory(t, FEW_ITEMS)
  await history.finish()
  const before = history.fingerprint()
  const { code, outcome } = await history.run()
  assert.equal(`${code} ${outcome?.state} ${outcome?.recordsRead}`, '0 FINISHED 0', history.story())
  assert.deepEqual(history.fingerprint(), before)
})

test('without any checkpoint, resume starts fresh and says so', async (t) => {
  const history = await newHistory(t, FEW_ITEMS)
  const process = history.start()
  await process.until((event) => event.event === 'message' && event.text.includes('starts fresh'))
  assert.equal((await process.ended).code, 0, history.story())
  await history.checkFinished()
})

for (const signal of ['SIGSEGV', 'SIGABRT', 'SIGTERM'] as const) {
  test(`a process that ends by ${signal} is resumed`, async (t) => {
    const history = await newHistory(t)
    const process = history.start({ parallelism: 2, params: SLOWLY })
    await process.until((event) => event.event === 'checkpoint' && event.id >= 2)
    process.kill(signal)
    const ended = await process.ended
    assert.equal(ended.signal, signal, history.story())
    assert.ok(existsSync(`${history.checkpoints}/LOCK`), 'it could not clean up')
    await history.finish({ parallelism: 2 })
  })
}
