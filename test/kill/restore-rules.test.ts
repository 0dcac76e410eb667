/** What a start may do with folders that are in use: the lock, restores of older checkpoints, used output folders, rescaling. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { RestoreRequest } from '@millrace/runtime'
import { FRESH, JobHistory } from './job-history.ts'

const RETAIN_ALL = { 'execution.checkpointing.num-retained': '1000' }
const FEW_ITEMS = 1_500
/** The job lasts some seconds, so that it still runs when something is done beside it. */
const SLOWLY = { perSecond: 1_500 }

async function newHistory(t: TestContext, generatedItems?: number): Promise<JobHistory> {
  const history = await JobHistory.create(generatedItems)
  t.after(() => history.dispose())
  return history
}

test('a second process on the same checkpoint folder is refused while the first lives, and takes over when it is dead', async (t) => {
  const history = await newHistory(t)
  const first = history.start({ params: SLOWLY })
  await first.until((event) => event.event === 'checkpoint')
  const second = await history.run()
  assert.equal(`${second.code} ${second.outcome?.code}`, '1 CHECKPOINT_FOLDER_LOCKED', history.story())
  assert.match(second.outcome?.message ?? '', new RegExp(`process ${first.pid}\\b`))
  first.kill('SIGKILL')
  assert.equal((await first.ended).signal, 'SIGKILL')
  assert.ok(existsSync(join(history.checkpoints, 'LOCK')))
  await history.finish()
})

test('killed while it writes its lock: the folder has no owner after a while', async (t) => {
  const history = await newHistory(t, FEW_ITEMS)
  const { signal } = await history.run({ killPoint: 'after:create:/LOCK$#1' })
  assert.equal(signal, 'SIGKILL', history.story())
  const young = await history.run()
  assert.equal(young.outcome?.code, 'CHECKPOINT_FOLDER_LOCKED', history.story())
  const longAgo = new Date(Date.now() - 60_000)
  utimesSync(join(history.checkpoints, 'LOCK'), longAgo, longAgo)
  await history.finish()
})

test('killed while it took a dead lock over: the next start is not held up and leaves nothing of it', async (t) => {
  const history = await newHistory(t, FEW_ITEMS)
  for (const killPoint of [
    'after:write:/LOCK$#1',
    'after:write:/LOCK.takeover$#1',
    'after:write:/LOCK.takeover.takeover$#1',
    'after:remove:/LOCK$#1',
  ]) {
    const { signal } = await history.run({ killPoint })
    assert.equal(signal, 'SIGKILL', history.story())
  }
  await history.finish()
})

test('an older checkpoint is refused beside newer parts, which it names, unless they are given up', async (t) => {
  const history = await newHistory(t)
  const first = history.start({ configuration: RETAIN_ALL, params: SLOWLY })
  await first.until((event) => event.event === 'checkpoint' && event.id >= 6)
  first.kill('SIGKILL')
  await first.ended
  const path = join(history.checkpoints, 'chk-2')
  const older = (discardNewer: boolean): RestoreRequest => ({
    kind: 'path',
    path,
    discardNewer,
    allowNonRestoredState: false,
  })
  // Beside newer checkpoints it is refused for their sake …
  const before = history.fingerprint()
  const refused = await history.run({ configuration: RETAIN_ALL, restore: older(false) })
  assert.equal(`${refused.code} ${refused.outcome?.code}`, '1 CHECKPOINT_OTHER_JOB', history.story())
  assert.match(refused.outcome?.message ?? '', /chk-6/)
  assert.deepEqual(history.fingerprint(), before, 'a refusal changes nothing')
  // … and with these given up, the newer parts go with them and are written again.
  await history.finish({ configuration: RETAIN_ALL, restore: older(true) })
})

test('a savepoint is refused in another checkpoint folder beside newer parts, unless they are given up', async (t) => {
  const history = await newHistory(t)
  const savepointFolder = join(history.folder, 'savepoint')
  const stopped = await history.run({ restore: FRESH, params: SLOWLY, stopAfter: { checkpoints: 2, savepointFolder } })
  assert.equal(
    `${stopped.code} ${stopped.outcome?.state} ${stopped.outcome?.savepoint}`,
    `0 FINISHED ${savepointFolder}`,
    history.story(),
  )
  await history.finish()
  const elsewhere = { 'execution.checkpointing.dir': join(history.folder, 'other-checkpoints') }
  const restore = (discardNewer: boolean): RestoreRequest => ({
    kind: 'path',
    path: savepointFolder,
    discardNewer,
    allowNonRestoredState: false,
  })
  const lines = history.linesOf('windows')
  const refused = await history.run({ configuration: elsewhere, restore: restore(false) })
  assert.equal(`${refused.code} ${refused.outcome?.code}`, '1 SINK_NEWER_PARTS', history.story())
  assert.match(refused.outcome?.message ?? '', /part-[0-9a-f]{8}-/, 'it names them')
  assert.deepEqual(history.linesOf('windows'), lines)
  await history.finish({ configuration: elsewhere, restore: restore(true) })
})

test('a fresh run into a used output folder is refused, unless it is to append or overwrite', async (t) => {
  const history = await newHistory(t, FEW_ITEMS)
  await history.finish()
  const foreign = join(history.outputOf('windows'), 'notes.txt')
  writeFileSync(foreign, '')
  const once = history.linesOf('windows')
  const refused = await history.run({ restore: FRESH })
  assert.equal(`${refused.code} ${refused.outcome?.code}`, '1 SINK_FOLDER_IN_USE', history.story())
  assert.deepEqual(history.linesOf('windows'), once)
  const appended = await history.run({ restore: FRESH, params: { existing: 'append' } })
  assert.equal(appended.outcome?.state, 'FINISHED', history.story())
  assert.deepEqual(history.linesOf('windows'), [...once, ...once].sort(), history.story())
  const overwritten = await history.run({ restore: FRESH, params: { existing: 'overwrite' } })
  assert.equal(overwritten.outcome?.state, 'FINISHED', history.story())
  assert.deepEqual(history.linesOf('windows'), once, history.story())
  assert.ok(existsSync(foreign), 'what is no part is never touched')
})

test('stopped with savepoints and restored at another parallelism, 1, 3, 2, the output is exact', async (t) => {
  const history = await newHistory(t)
  let restore: RestoreRequest = FRESH
  for (const parallelism of [1, 3]) {
    const savepointFolder = join(history.folder, `savepoint-of-${parallelism}`)
    const { code, outcome } = await history.run({
      parallelism,
      restore,
      params: SLOWLY,
      stopAfter: { checkpoints: 2, savepointFolder },
    })
    assert.equal(`${code} ${outcome?.state} ${outcome?.savepoint}`, `0 FINISHED ${savepointFolder}`, history.story())
    history.checkVisible()
    assert.deepEqual([...history.temporariesOf('windows'), ...history.temporariesOf('running')], [], history.story())
    restore = { kind: 'path', path: savepointFolder, discardNewer: false, allowNonRestoredState: false }
    // A savepoint owns all that it names: the folder of the checkpoints is not needed any more.
    history.startAnotherCheckpointFolder()
  }
  await history.finish({ parallelism: 2, restore })
})

test('killed while it writes a savepoint: resume goes on from the checkpoint, and removes what there is of it', async (t) => {
  const history = await newHistory(t)
  const savepointFolder = join(history.folder, 'savepoint')
  const { signal } = await history.run({
    restore: FRESH,
    params: SLOWLY,
    stopAfter: { checkpoints: 2, savepointFolder },
    killPoint: 'before:rename:/savepoint/_metadata\\.tmp$#1',
  })
  assert.equal(signal, 'SIGKILL', history.story())
  const restore: RestoreRequest = {
    kind: 'path',
    path: savepointFolder,
    discardNewer: false,
    allowNonRestoredState: false,
  }
  const { outcome } = await history.run({ restore })
  assert.equal(outcome?.code, 'CHECKPOINT_NOT_FOUND', history.story())
  assert.ok(existsSync(join(savepointFolder, 'segments')), history.story())
  await history.finish()
  assert.equal(existsSync(savepointFolder), false, history.story())
})

test('a damaged newest checkpoint stops a resume, which names one that is whole', async (t) => {
  const history = await newHistory(t)
  const first = history.start({ configuration: RETAIN_ALL, params: SLOWLY })
  await first.until((event) => event.event === 'checkpoint' && event.id >= 4)
  first.kill('SIGKILL')
  await first.ended
  const ids = readdirSync(history.checkpoints).flatMap((name) =>
    existsSync(join(history.checkpoints, name, '_metadata')) ? [Number(name.slice(4))] : [],
  )
  const newest = Math.max(...ids)
  const manifest = join(history.checkpoints, `chk-${newest}`, '_metadata')
  const bytes = readFileSync(manifest)
  writeFileSync(manifest, bytes.fill(0, bytes.length >> 1, (bytes.length >> 1) + 8))
  const { outcome } = await history.run({ configuration: RETAIN_ALL })
  assert.equal(outcome?.code, 'CHECKPOINT_DAMAGED', history.story())
  const path = join(history.checkpoints, `chk-${newest - 1}`)
  assert.ok(outcome?.message?.includes(path), history.story())
  await history.finish({
    configuration: RETAIN_ALL,
    restore: { kind: 'path', path, discardNewer: true, allowNonRestoredState: false },
  })
})
