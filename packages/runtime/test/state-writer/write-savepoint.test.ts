/** Savepoints that no job has written, and jobs that start from them. */
import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { describe, it } from 'node:test'
import {
  ascending,
  collect,
  count,
  FileError,
  type FileSystem,
  type JobDefinition,
  keyedProcess,
  listState,
  MillraceError,
  mapState,
  tumbling,
  type,
  valueState,
} from '@millrace/api'
import { valueToJson } from '@millrace/core'
import type { RestoreRequest } from '../../src/coordinator/choose-start.ts'
import { SavedState } from '../../src/state-reader/saved-state.ts'
import { exportedEntries } from '../../src/state-writer/exported-entries.ts'
import { bootstrapState, storedEntries } from '../../src/state-writer/operator-state.ts'
import { writeSavepoint } from '../../src/state-writer/write-savepoint.ts'
import { jobOf, rowsSource, runUntil } from '../coordinator/evolving-job.ts'
import { memoryDisk, runInline } from '../coordinator/inline-job.ts'

interface Row {
  readonly k: string
  readonly n: number
}

const totals = keyedProcess({
  key: type<string>(),
  state: { total: valueState<number>(), rows: listState<number>(), times: mapState<number, number>({ ttl: '1 h' }) },
  emits: type<string>(),
  onRecord(row: Row, { key, state, emit }) {
    state.total.set((state.total.get() ?? 0) + row.n)
    state.rows.add(row.n)
    state.times.set(row.n, (state.times.get(row.n) ?? 0) + 1)
    const times = [...state.times.entries()].sort(([a], [b]) => a - b)
    emit(`${key} ${state.total.get()} ${JSON.stringify(state.rows.get())} ${JSON.stringify(times)}`)
  },
  onTimer(at, { key, emit }) {
    emit(`${key} timer ${at}`)
  },
})

function job(rows: readonly Row[], ends = true, onRow: () => void = () => {}): JobDefinition {
  return jobOf((env) => {
    const keyed = env
      .from(rowsSource(rows, ends), { uid: 'rows', watermarks: ascending(({ n }) => n) })
      .map((row) => {
        onRow()
        return row
      })
      .keyBy('k')
    keyed.process(totals, { uid: 'totals' }).to(collect('out'), { uid: 'out' })
    keyed
      .window(tumbling({ size: '1 s' }))
      .aggregate({ n: count() }, ({ n }, { key, window }) => `${key} ${window.end} ${n}`, { uid: 'windows' })
      .to(collect('windows'), { uid: 'windows-out' })
  })
}

const from = (path: string): RestoreRequest => ({
  kind: 'path',
  path,
  discardNewer: false,
  allowNonRestoredState: false,
})
const keys = Array.from({ length: 300 }, (_, i) => `key ${i}`)

function put(record: { readonly k: string; readonly n: number }, { state, timers }: never): void {
  const states = state as { total: { get(): number | undefined; set(n: number): void }; rows: { add(n: number): void } }
  states.total.set((states.total.get() ?? 0) + record.n)
  states.rows.add(record.n)
  ;(timers as { eventTime(at: number): void }).eventTime(record.n)
}

async function written(files: FileSystem, path: string): Promise<string[]> {
  const saved = await SavedState.open(files, path)
  const lines: string[] = []
  for await (const { operatorUid, state, keyGroup, key, sub, value } of saved.entries()) {
    lines.push(JSON.stringify([operatorUid, state.name, keyGroup, key, valueToJson(sub), valueToJson(value)]))
  }
  return lines.sort()
}

describe('a savepoint made of records', () => {
  for (const parallelism of ['1', '2', '4']) {
    it(`is what a job goes on from, at parallelism ${parallelism}`, { timeout: 60_000 }, async () => {
      const files = memoryDisk()
      async function* records() {
        for (const n of [1, 2]) for (const k of keys) yield { k, n }
      }
      const operators = await writeSavepoint(files, 'sp', job([]), {
        operators: {
          totals: bootstrapState(totals, {
            records: records(),
            key: ({ k }) => k,
            write(record, { state, timers }) {
              state.total.set((state.total.get() ?? 0) + record.n)
              state.rows.add(record.n)
              timers.eventTime(record.n)
            },
          }),
        },
      })
      assert.deepEqual(
        operators.map(({ uid, records: n }) => [uid, n]),
        [['totals', 2 * keys.length]],
      )
      const { outcome } = await runInline(job(keys.map((k) => ({ k, n: 10 }))), {
        files,
        restore: from('sp'),
        configuration: { 'parallelism.default': parallelism },
      })
      assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
      const expected = keys.flatMap((k) => [`${k} 13 [1,2,10] [[10,1]]`, `${k} timer 1`, `${k} timer 2`])
      assert.deepEqual((outcome.collected.out as string[]).toSorted(), expected.toSorted())
      assert.equal(outcome.collected.windows?.length, keys.length)
    })
  }

  it('is the same when its input does not fit into memory, and leaves nothing beside it', async () => {
    const [small, large] = [memoryDisk(), memoryDisk()]
    const state = () => ({
      totals: bootstrapState(totals, {
        records: [1, 2, 3].flatMap((n) => keys.map((k) => ({ k, n }))),
        key: ({ k }) => k,
        write: put as never,
      }),
    })
    await writeSavepoint(small, 'in/sp', job([]), { operators: state(), memoryBytesMax: 500 })
    await writeSavepoint(large, 'in/sp', job([]), { operators: state() })
    const entries = await written(small, 'in/sp')
    assert.equal(entries.length, keys.length * (2 + 3))
    assert.deepEqual(entries, await written(large, 'in/sp'))
    assert.deepEqual(
      (await small.list('in')).map(({ name }) => name),
      ['sp'],
    )
  })

  it('keeps when a record was written, for states with a time to live', async () => {
    const files = memoryDisk()
    await writeSavepoint(files, 'sp', job([]), {
      operators: {
        totals: bootstrapState(totals, {
          records: [{ k: 'a', n: 7 }],
          key: ({ k }) => k,
          write: (record, { state }) => state.times.set(record.n, 1),
          writtenAtMs: ({ n }) => n * 1_000,
        }),
      },
    })
    const saved = await SavedState.open(files, 'sp')
    const times: unknown[] = []
    for await (const { writtenAtMs } of saved.entries()) times.push(writtenAtMs)
    assert.deepEqual(times, [7_000])
  })

  it('keeps the times of the elements of a list, out of an export too', async () => {
    const files = memoryDisk()
    const fn = keyedProcess({ state: { seen: listState<string>({ ttl: '1 h' }) }, onRecord(_row: Row) {} })
    const withList = jobOf((env) => {
      env.from(rowsSource<Row>([], true), { uid: 'rows' }).keyBy('k').process(fn, { uid: 'lists' }).to(collect('out'), {
        uid: 'out',
      })
    })
    const line =
      '{"operator":"lists","state":"seen","key":"a","value":["x","y"],"writtenAtMs":9,"elementTimesMs":[5,9]}'
    const entries = storedEntries(exportedEntries([line]))
    await writeSavepoint(files, 'sp', withList, { operators: { lists: entries } })
    const saved = await SavedState.open(files, 'sp')
    const found: unknown[] = []
    for await (const { value, writtenAtMs, elementTimesMs } of saved.entries()) {
      found.push([value, writtenAtMs, elementTimesMs])
    }
    assert.deepEqual(found, [[['x', 'y'], 9, [5, 9]]])
    const wrong = storedEntries([{ state: 'seen', key: 'a', value: ['x'], elementTimesMs: [1, 2] }])
    await assert.rejects(writeSavepoint(files, 'other', withList, { operators: { lists: wrong } }), {
      code: 'STATE_MISREAD',
    })
  })

  it('refuses what the job does not have, and names the nearest', async () => {
    const files = memoryDisk()
    const state = bootstrapState(totals, { records: [], key: () => 'a', write() {} })
    const write = (operators: Record<string, ReturnType<typeof bootstrapState> | 'remove'>) =>
      writeSavepoint(files, 'sp', job([]), { operators })
    await assert.rejects(write({ total: state }), { code: 'STATE_NOT_FOUND', hint: 'Did you mean "totals"?' })
    await assert.rejects(write({ rows: state }), { code: 'STATE_NOT_FOUND', message: /holds no keyed state/ })
    await assert.rejects(write({ windows: state }), { code: 'STATE_MISREAD', message: /cannot be made of records/ })
    await assert.rejects(write({ totals: 'remove' }), { code: 'STATE_NOT_FOUND' })
    const other = keyedProcess({ state: { totl: valueState<number>() }, onRecord() {} })
    const wrong = bootstrapState(other, { records: [], key: () => 'a', write() {} })
    await assert.rejects(write({ totals: wrong }), { code: 'STATE_MISREAD', message: /state "totl" is another one/ })
    const entries = storedEntries([{ state: 'totl', key: 'a', value: 1 }])
    await assert.rejects(write({ totals: entries }), { code: 'STATE_NOT_FOUND', hint: 'Did you mean "total"?' })
    const list = storedEntries([{ state: 'rows', key: 'a', value: 1 }])
    await assert.rejects(write({ totals: list }), { code: 'STATE_MISREAD', message: /"rows".*key "a".*is an array/ })
    assert.deepEqual(await files.stat('sp'), undefined)
  })

  it('names operator and key where write fails, and writes nothing', async () => {
    const files = memoryDisk()
    const state = bootstrapState(totals, {
      records: [{ k: 'a', n: 1 }],
      key: ({ k }) => k,
      write() {
        throw new Error('no such customer')
      },
    })
    await assert.rejects(writeSavepoint(files, 'in/sp', job([]), { operators: { totals: state } }), {
      code: 'USER_FUNCTION_FAILED',
      message: /operator ".*", key "a", failed: no such customer/,
    })
    assert.deepEqual(await files.stat('in/sp/_metadata'), undefined)
    assert.deepEqual(
      (await files.list('in')).filter(({ name }) => name.includes('writing')),
      [],
    )
  })

  for (const [what, memoryBytesMax, fails] of [
    ['the folder cannot be made', 1_000_000, 'makeFolder'],
    ['there is no room for the input', 500, 'create'],
    ['there is no room for the segments', 1_000_000, 'create'],
  ] as const) {
    it(`says it of the savepoint when ${what}, and leaves nothing beside it`, async () => {
      const files = memoryDisk()
      await files.makeFolder('in')
      const problem = (path: string) => new FileError('no-space', path, `${path}: ENOSPC: no space left on device`)
      const create = files.create.bind(files)
      if (fails === 'makeFolder') files.makeFolder = (path) => Promise.reject(problem(path))
      else {
        files.create = async (path, options) => {
          const file = await create(path, options)
          file.write = () => Promise.reject(problem(path))
          return file
        }
      }
      const state = bootstrapState(totals, {
        records: keys.map((k) => ({ k, n: 1 })),
        key: ({ k }) => k,
        write: put as never,
      })
      await assert.rejects(
        writeSavepoint(files, 'in/sp', job([]), { operators: { totals: state }, memoryBytesMax }),
        (error: unknown) =>
          error instanceof MillraceError &&
          error.code === 'SAVEPOINT_FAILED' &&
          /^The savepoint in in\/sp could not be written: .*ENOSPC/.test(error.message) &&
          !(error.hint ?? '').includes('execution.checkpointing.dir'),
      )
      assert.deepEqual(await files.list('in'), [])
    })
  }

  it('refuses a folder that holds something', async () => {
    const files = memoryDisk()
    await writeSavepoint(files, 'sp', job([]), { operators: {} })
    await assert.rejects(writeSavepoint(files, 'sp', job([]), { operators: {} }), { code: 'SAVEPOINT_FAILED' })
  })
})

/** A savepoint of a job that has seen `rows`. */
async function savepointOf(files: FileSystem, rows: readonly Row[], path: string): Promise<void> {
  let seen = 0
  const stopped = await runUntil(
    job(rows, false, () => seen++),
    () => seen === rows.length,
    { files, savepoint: path },
  )
  assert.equal(stopped.outcome.state, 'CANCELED', stopped.outcome.error?.message)
}

describe('a savepoint made of another', () => {
  const rows = [
    { k: 'a', n: 1 },
    { k: 'b', n: 2 },
    { k: 'a', n: 1_500 },
  ]

  it('keeps what is not named, replaces and removes the rest', { timeout: 60_000 }, async () => {
    const files = memoryDisk()
    await savepointOf(files, rows, 'first')
    await writeSavepoint(files, 'second', job([]), {
      from: 'first',
      operators: {
        totals: bootstrapState(totals, {
          records: [{ k: 'a', n: 100 }],
          key: ({ k }) => k,
          write: ({ n }, { state }) => state.total.set(n),
        }),
        windows: 'remove',
      },
    })
    const { outcome } = await runInline(job([...rows, { k: 'a', n: 2_000 }]), {
      files,
      restore: { ...from('second'), discardNewer: true } as RestoreRequest,
    })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    // The source goes on behind the three rows that it had given.
    assert.deepEqual(outcome.collected.out, ['a 2100 [2000] [[2000,1]]'])
    assert.deepEqual(outcome.collected.windows, ['a 3000 1'])
  })

  it('refuses operators that the job no longer has until they are removed', { timeout: 60_000 }, async () => {
    const files = memoryDisk()
    await savepointOf(files, rows, 'first')
    const smaller = jobOf((env) => {
      env
        .from(rowsSource(rows, true), { uid: 'rows' })
        .keyBy('k')
        .process(totals, { uid: 'totals' })
        .to(collect('out'), { uid: 'out' })
    })
    const write = (operators: Record<string, 'remove'>) =>
      writeSavepoint(files, 'second', smaller, { from: 'first', operators })
    await assert.rejects(write({}), { code: 'CHECKPOINT_OTHER_JOB', message: /"windows"/ })
    await write({ windows: 'remove' })
    assert.deepEqual(
      (await written(files, 'second')).filter((line) => line.includes('"windows"')),
      [],
    )
  })

  it('gives the same state back through an export, of every kind of operator', { timeout: 60_000 }, async () => {
    const files = memoryDisk()
    await savepointOf(files, rows, 'first')
    const saved = await SavedState.open(files, 'first')
    // What the command's export writes.
    const lines: string[] = []
    for await (const { operatorUid, state, keyGroup, key, sub, value, writtenAtMs } of saved.entries()) {
      const inner =
        state.kind === 'map' ? { mapKey: valueToJson(sub) } : state.kind === 'namespaced' ? { time: sub } : {}
      const entry = { operator: operatorUid, state: state.name, keyGroup, key: valueToJson(key), ...inner }
      lines.push(JSON.stringify({ ...entry, value: valueToJson(value), writtenAtMs }))
    }
    await writeSavepoint(files, 'second', job([]), {
      operators: {
        totals: storedEntries(exportedEntries(lines, 'totals')),
        windows: storedEntries(saved.entries({ operator: 'windows' })),
      },
    })
    assert.deepEqual(await written(files, 'second'), await written(files, 'first'))
    const results = await Promise.all(
      ['first', 'second'].map(async (path) => {
        // Sources of the second start fresh: they get the rest alone.
        const rest = [{ k: 'a', n: 1_600 }]
        const { outcome } = await runInline(job(path === 'first' ? [...rows, ...rest] : rest), {
          files,
          restore: { ...from(path), discardNewer: true } as RestoreRequest,
        })
        assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
        return { out: outcome.collected.out?.toSorted(), windows: outcome.collected.windows?.toSorted() }
      }),
    )
    assert.deepEqual(results[1], results[0])
    assert.deepEqual(results[0]?.windows, ['a 1000 1', 'a 2000 2', 'b 1000 1'])
  })

  it('refuses window state of another number of key groups', { timeout: 60_000 }, async () => {
    const files = memoryDisk()
    await savepointOf(files, rows, 'first')
    const saved = await SavedState.open(files, 'first')
    await assert.rejects(
      writeSavepoint(files, 'second', job([]), {
        maxParallelism: 16,
        operators: { windows: storedEntries(saved.entries({ operator: 'windows' })) },
      }),
      { code: 'STATE_MISREAD', message: /another number of key groups than 16/ },
    )
  })

  it('made of a drained one, a job reads on from it', { timeout: 60_000 }, async () => {
    const files = memoryDisk()
    const rows = keys.map((k) => ({ k, n: 1 }))
    let drained: Promise<{ externalPath: string }> | undefined
    const counts = (all: readonly Row[], ends: boolean) =>
      jobOf((env) => {
        env
          .from(rowsSource(all, ends), { uid: 'rows' })
          .keyBy('k')
          .reduce((a, b) => ({ k: a.k, n: a.n + b.n }), { uid: 'sums' })
          .to(collect('out'), { uid: 'out' })
      })
    const first = await runInline(counts(rows, false), {
      files,
      onCheckpoint: (_report, coordinator) => {
        drained ??= coordinator.stopWithSavepoint({ targetFolder: 'kept', drain: true })
      },
    })
    assert.equal(first.outcome.state, 'FINISHED', first.outcome.error?.message)
    const { externalPath } = (await drained) ?? { externalPath: '' }
    await writeSavepoint(files, 'sp', counts(rows, true), { from: externalPath, operators: { sums: 'remove' } })
    const { outcome } = await runInline(counts([...rows, { k: 'key 1', n: 5 }], true), {
      files,
      restore: { ...from('sp'), discardNewer: true } as RestoreRequest,
    })
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    assert.deepEqual(outcome.collected.out?.at(-1), { k: 'key 1', n: 5 })
  })

  it('names an export that is not there', async () => {
    const entries = exportedEntries('/nowhere/totals.jsonl')
    await assert.rejects(
      writeSavepoint(memoryDisk(), 'sp', job([]), { operators: { totals: storedEntries(entries) } }),
      { code: 'INPUT_NOT_FOUND', message: /\/nowhere\/totals\.jsonl cannot be opened/ },
    )
  })

  it('names an export that cannot be read, and an operator of which it holds nothing', async () => {
    await assert.rejects(async () => exportedEntries(tmpdir()).next(), {
      code: 'INPUT_UNREADABLE',
      message: new RegExp(`The export ${tmpdir()} cannot be read`),
    })
    const lines = ['{"operator":"totals","state":"total","key":"a","value":1}']
    const entries = (uid: string) => ({
      operators: { totals: storedEntries(exportedEntries(lines, uid)) },
    })
    await assert.rejects(writeSavepoint(memoryDisk(), 'sp', job([]), entries('total')), {
      code: 'STATE_NOT_FOUND',
      hint: /Did you mean "totals"\? It has totals\./,
    })
    const [written] = await writeSavepoint(memoryDisk(), 'sp', job([]), entries('totals'))
    assert.equal(written?.records, 1)
  })

  it('names the line of an export that is none', async () => {
    const files = memoryDisk()
    for (const line of ['{', '[]', '{"operator":"totals"}', '{"operator":"totals","state":"total","key":"a"}']) {
      const entries = exportedEntries(['', line])
      await assert.rejects(writeSavepoint(files, 'sp', job([]), { operators: { totals: storedEntries(entries) } }), {
        code: 'INPUT_MALFORMED',
        message: /Line 2/,
      })
    }
  })
})
