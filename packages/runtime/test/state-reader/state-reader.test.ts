import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ErrorCode, MillraceError } from '@millrace/api'
import { keyGroupOf } from '@millrace/core'
import { compareStates } from '../../src/state-reader/compare-states.ts'
import { type EntryFilter, isExpired, SavedState } from '../../src/state-reader/saved-state.ts'
import { summarizeState } from '../../src/state-reader/summarize-state.ts'
import { NOW_MS, pages, SavedJob, timers, totals, UID } from './saved-samples.ts'

/** Two checkpoints: the second changes, removes and adds. */
async function twoCheckpoints(maxParallelism?: number, snapshotBytesMax?: number) {
  const job = new SavedJob(undefined, maxParallelism, snapshotBytesMax)
  const total = job.backend.valueTable<number>(totals)
  const page = job.backend.mapTable<string, number>(pages)
  const timer = job.backend.namespacedTable<boolean>(timers)
  for (const key of ['anna', 'bob', 'cleo']) {
    job.choose(key)
    total.put(key.length)
  }
  job.choose('anna')
  page.put('/home', 1)
  page.put('/a-long-way-down', 2)
  job.choose('bob')
  page.put('/home', 3)
  timer.put(60_000, true)
  timer.put(90_000, true)
  const first = await job.checkpoint()
  job.nowMs += 4_000
  job.choose('anna')
  total.put(100)
  page.delete('/home')
  job.choose('bob')
  total.remove()
  timer.remove(60_000)
  job.choose('dora')
  total.put(7)
  page.put('/new', 9)
  const second = await job.checkpoint()
  return { files: job.files, first, second }
}

async function namesOf(saved: SavedState, filter: EntryFilter = {}): Promise<string[]> {
  const names: string[] = []
  for await (const { state, key, sub, value } of saved.entries(filter)) {
    names.push([state.name, key, ...(sub === undefined ? [] : [sub]), value].join(' '))
  }
  return names.sort()
}

const isCode = (code: ErrorCode, hint: RegExp) => (error: unknown) =>
  error instanceof MillraceError && error.code === code && hint.test(error.hint ?? '')

describe('SavedState', () => {
  it('reads segments with continuations as it reads whole ones, and so do summary and comparison', async () => {
    const [whole, inPieces] = [await twoCheckpoints(1), await twoCheckpoints(1, 300)]
    const read = async ({ files, first, second }: typeof whole) => {
      const [before, after] = [await SavedState.open(files, first), await SavedState.open(files, second)]
      const segments = after.manifest.operators.flatMap(({ keyGroups }) => keyGroups.flatMap((group) => group.segments))
      const summary = await summarizeState(after, { nowMs: NOW_MS })
      const differences: string[] = []
      for await (const { kind } of compareStates(before, after)) differences.push(kind)
      return {
        continuations: segments.filter(({ isContinuation }) => isContinuation === true).length,
        seen: [await namesOf(before), await namesOf(after), differences.sort()],
        states: summary.operators.flatMap(({ states }) =>
          states.map(({ entries, keys, bytes }) => [entries, keys, bytes]),
        ),
      }
    }
    const [expected, actual] = [await read(whole), await read(inPieces)]
    assert.equal(expected.continuations, 0)
    assert.ok(actual.continuations > 5)
    assert.deepEqual([actual.seen, actual.states], [expected.seen, expected.states])
  })

  it('reads base and deltas as a restore would', async () => {
    const { files, first, second } = await twoCheckpoints()
    assert.deepEqual(await namesOf(await SavedState.open(files, first)), [
      '_timers-event bob 60000 true',
      '_timers-event bob 90000 true',
      'pages anna /a-long-way-down 2',
      'pages anna /home 1',
      'pages bob /home 3',
      'totals anna 4',
      'totals bob 3',
      'totals cleo 4',
    ])
    assert.deepEqual(await namesOf(await SavedState.open(files, second)), [
      '_timers-event bob 90000 true',
      'pages anna /a-long-way-down 2',
      'pages bob /home 3',
      'pages dora /new 9',
      'totals anna 100',
      'totals cleo 4',
      'totals dora 7',
    ])
  })

  it('leaves out what is not asked for', async () => {
    const { files, second } = await twoCheckpoints()
    const saved = await SavedState.open(files, `${second}/_metadata`)
    assert.deepEqual(await namesOf(saved, { state: 'totals', key: { is: 'dora' } }), ['totals dora 7'])
    assert.deepEqual(await namesOf(saved, { key: { is: 'nobody' } }), [])
    const groups = new Set<number>()
    for await (const { keyGroup } of saved.entries()) groups.add(keyGroup)
    const [group] = groups
    for await (const { keyGroup } of saved.entries({ keyGroup: group })) assert.equal(keyGroup, group)
  })

  it('finds a key in whatever order its properties are written', async () => {
    const job = new SavedJob()
    job.choose({ b: 1, a: 2 })
    job.backend.valueTable<number>(totals).put(5)
    const saved = await SavedState.open(job.files, await job.checkpoint())
    const found: unknown[] = []
    for await (const { value } of saved.entries({ key: { is: { a: 2, b: 1 } } })) found.push(value)
    assert.deepEqual(found, [5])
  })

  it('names what is near when there is no such operator or state', async () => {
    const { files, first } = await twoCheckpoints()
    const saved = await SavedState.open(files, first)
    assert.throws(() => saved.operators({ operator: 'visit' }), isCode('STATE_NOT_FOUND', /Did you mean "visits"\?/))
    assert.throws(
      () => saved.operators({ operator: UID, state: 'total' }),
      isCode('STATE_NOT_FOUND', /Did you mean "totals"\? It has totals, pages, _timers-event\./),
    )
    assert.throws(() => saved.operators({ operator: 'clicks', state: 'x' }), isCode('STATE_NOT_FOUND', /It has none\./))
  })

  it('does not call damaged what its job has removed meanwhile', async () => {
    const { files, first } = await twoCheckpoints()
    const saved = await SavedState.open(files, first)
    await files.remove(`${first}/_metadata`)
    await files.remove('checkpoints/shared/1-v-0-0.seg')
    await assert.rejects(() => namesOf(saved), isCode('CHECKPOINT_NOT_FOUND', /num-retained/))
  })

  it('says which file is damaged', async () => {
    const { files, first } = await twoCheckpoints()
    const saved = await SavedState.open(files, first)
    await files.remove('checkpoints/shared/1-v-0-0.seg')
    await assert.rejects(() => namesOf(saved), /1-v-0-0\.seg/)
  })
})

describe('summarizeState', () => {
  it('counts entries, keys and bytes, and names the largest keys and what has expired', async () => {
    const { files, second } = await twoCheckpoints()
    const saved = await SavedState.open(files, second)
    const { operators } = await summarizeState(saved, { largest: 1, nowMs: NOW_MS + 6_000 })
    const [source, visits] = operators
    assert.deepEqual([source?.entries, source?.states], [1, []])
    const [total, page, timer] = visits?.states ?? []
    assert.deepEqual([total?.entries, total?.keys, total?.state.version], [3, 3, 2])
    assert.deepEqual([page?.entries, page?.keys, page?.expired], [3, 3, 2], 'what was written 6 s ago, not 2 s ago')
    assert.equal(page?.oldestWrittenAtMs, NOW_MS)
    assert.deepEqual(
      page?.largestKeys.map(({ key, entries }) => [key, entries]),
      [['anna', 1]],
    )
    assert.deepEqual([timer?.timeMin, timer?.timeMax, timer?.oldestWrittenAtMs], [90_000, 90_000, undefined])
    assert.ok((visits?.segmentBytes ?? 0) > (total?.bytes ?? 0) + (page?.bytes ?? 0))
  })

  it('takes the oldest element of a list for the oldest', async () => {
    const job = new SavedJob()
    const seen = job.backend.listTable<string>({ ...pages, name: 'seen', kind: 'list', ttlMs: 60_000 })
    job.choose('anna')
    seen.append('/home')
    job.nowMs += 2_000
    seen.append('/new')
    const saved = await SavedState.open(job.files, await job.checkpoint())
    const { operators } = await summarizeState(saved, { nowMs: job.nowMs })
    assert.equal(operators[1]?.states[0]?.oldestWrittenAtMs, NOW_MS)
  })

  it('counts what is asked for alone, and refuses what is not there before it reads', async () => {
    const { files, second } = await twoCheckpoints()
    const saved = await SavedState.open(files, second)
    const countsOf = async (filter: EntryFilter): Promise<readonly (readonly [string, string, number])[]> => {
      const { operators } = await summarizeState(saved, { nowMs: NOW_MS, ...filter })
      return operators.flatMap(({ operator, states }) =>
        states.map(({ state, entries }) => [operator.uid, state.name, entries] as const),
      )
    }
    assert.deepEqual(await countsOf({ operator: UID, state: 'totals' }), [[UID, 'totals', 3]])
    assert.deepEqual(await countsOf({ key: { is: 'dora' } }), [
      [UID, 'totals', 1],
      [UID, 'pages', 1],
      [UID, '_timers-event', 0],
    ])
    assert.deepEqual(await countsOf({ operator: 'clicks' }), [])
    await files.remove('checkpoints/shared/2-v-0-0.seg')
    await assert.rejects(countsOf({ operator: 'visit' }), isCode('STATE_NOT_FOUND', /Did you mean "visits"\?/))
  })

  it('knows an entry as expired from the moment when it is not returned any more', async () => {
    const { files, first } = await twoCheckpoints()
    const saved = await SavedState.open(files, first)
    for await (const entry of saved.entries({ state: 'pages' })) {
      assert.equal(isExpired(entry, NOW_MS + 4_999), false)
      assert.equal(isExpired(entry, NOW_MS + 5_000), true)
    }
  })
})

describe('compareStates', () => {
  const differencesOf = async (before: SavedState, after: SavedState, filter?: EntryFilter): Promise<string[]> => {
    const found: string[] = []
    for await (const difference of compareStates(before, after, filter)) {
      const { state, key, sub } = difference.kind === 'removed' ? difference.before : difference.after
      found.push([difference.kind, state.name, key, ...(sub === undefined ? [] : [sub])].join(' '))
    }
    return found.sort()
  }
  const expected = [
    'added pages dora /new',
    'added totals dora',
    'changed totals anna',
    'removed _timers-event bob 60000',
    'removed pages anna /home',
    'removed totals bob',
  ]

  it('tells what was added, removed and changed', async () => {
    const { files, first, second } = await twoCheckpoints()
    const [before, after] = [await SavedState.open(files, first), await SavedState.open(files, second)]
    assert.deepEqual(await differencesOf(before, after), expected)
    assert.deepEqual(await differencesOf(after, after), [])
  })

  it('compares what is asked for alone, and does not call equal what neither has', async () => {
    const { files, first, second } = await twoCheckpoints()
    const [before, after] = [await SavedState.open(files, first), await SavedState.open(files, second)]
    const group = keyGroupOf('anna', 16)
    const ofGroup = ['anna', 'bob', 'dora'].filter((key) => keyGroupOf(key, 16) === group)
    assert.deepEqual(
      await differencesOf(before, after, { keyGroup: group }),
      expected.filter((line) => ofGroup.some((key) => line.split(' ')[2] === key)),
    )
    assert.deepEqual(
      await differencesOf(before, after, { key: { is: 'dora' } }),
      expected.filter((line) => line.includes(' dora')),
    )
    for (const filter of [{ operator: 'visit' }, { state: 'total' }, { operator: 'clicks', state: 'totals' }]) {
      await assert.rejects(differencesOf(before, after, filter), isCode('STATE_NOT_FOUND', /./), JSON.stringify(filter))
    }
  })

  it('refuses one key group of snapshots with other numbers of them', async () => {
    const [before, after] = [await twoCheckpoints(16), await twoCheckpoints(128)]
    const [old, recent] = [
      await SavedState.open(before.files, before.first),
      await SavedState.open(after.files, after.second),
    ]
    await assert.rejects(differencesOf(old, recent, { keyGroup: 3 }), isCode('STATE_MISREAD', /name a key/))
    assert.deepEqual(await differencesOf(old, recent, { key: { is: 'anna' } }), [
      'changed totals anna',
      'removed pages anna /home',
    ])
  })

  it('compares snapshots with other numbers of key groups', async () => {
    const before = await twoCheckpoints(16)
    const after = await twoCheckpoints(128)
    assert.deepEqual(
      await differencesOf(
        await SavedState.open(before.files, before.first),
        await SavedState.open(after.files, after.second),
      ),
      expected,
    )
  })
})
