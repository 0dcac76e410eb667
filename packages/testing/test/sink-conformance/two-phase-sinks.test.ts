import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  MillraceError,
  type Sink,
  type SinkCommitter,
  transactionalSink,
  upsertSink,
  writeAheadSink,
} from '@millrace/api'
import { csvSink } from '@millrace/files'
import {
  type DrillRecord,
  SINK_CRASHES,
  SimulatedDisk,
  type SinkCrash,
  SinkDrill,
  sinkConformance,
} from '../../src/index.ts'
import { BatchStore, RowStore, TransactionStore } from './fake-systems.ts'

sinkConformance('transactionalSink', () => {
  const store = new TransactionStore<DrillRecord>()
  return {
    sink: transactionalSink({ kind: 'store', connect: () => store.connect() }),
    visible: () => store.visible,
    unfinished: () => store.unfinished,
  }
})

sinkConformance(
  'upsertSink',
  () => {
    const store = new RowStore<DrillRecord>()
    return {
      sink: upsertSink<DrillRecord>({
        kind: 'store',
        connect: () => store.connect(),
        key: ({ key }) => key,
        rowsMax: 3,
      }),
      visible: () => [...store.rows.values()],
    }
  },
  { isUpsert: true },
)

sinkConformance('writeAheadSink with a system that remembers', () => {
  const store = new BatchStore<DrillRecord>()
  return {
    sink: writeAheadSink({ kind: 'store', connect: () => store.connect(true), remembersBatches: true }),
    visible: () => store.visible,
  }
})

sinkConformance('csvSink', (files) => ({
  sink: csvSink<DrillRecord>('out'),
  visible: async () => {
    const found: DrillRecord[] = []
    for (const { name } of await files.list('out')) {
      if (!name.endsWith('.csv')) continue
      const file = await files.openRead(`out/${name}`)
      const bytes = new Uint8Array(await file.sizeBytes())
      await file.read(bytes, 0)
      await file.close()
      for (const line of Buffer.from(bytes).toString().split('\n')) {
        const [key = '', n] = line.split(',')
        if (n !== undefined && n !== 'n') found.push({ key, n: Number(n) })
      }
    }
    return found
  },
  unfinished: async () => (await files.list('out')).map(({ name }) => name).filter((name) => !name.endsWith('.csv')),
}))

const records = Array.from({ length: 20 }, (_, n): DrillRecord => ({ key: `k${n}`, n }))

function drillOf(sink: Sink<DrillRecord>, crashes: ReadonlyMap<number, SinkCrash>) {
  const files = new SimulatedDisk({ random: () => 0.999 }).mount()
  return new SinkDrill({ sink, files, records, subtasks: 1, recordsPerCheckpoint: 5, crashes, aborted: new Set() })
}

describe('writeAheadSink with a system that forgets', () => {
  it('says that it is at-least-once, loses nothing, and doubles only the batches of the restored checkpoint', async () => {
    for (const crash of SINK_CRASHES) {
      const store = new BatchStore<DrillRecord>()
      const sink = writeAheadSink<DrillRecord>({ kind: 'store', connect: () => store.connect(false) })
      assert.equal(sink.guarantee, 'at-least-once')
      await drillOf(sink, new Map([[2, crash]])).run()
      assert.deepEqual(
        [...new Set(store.visible.map(({ n }) => n))].sort((a, b) => a - b),
        records.map(({ n }) => n),
      )
      const doubled = store.visible.length - records.length
      // All but one die when the batch of the checkpoint that they go back to has been written.
      assert.equal(doubled, crash === 'after the checkpoint, before commit' ? 0 : 5, crash)
    }
  })

  it('refuses more records than a checkpoint should hold', async () => {
    const store = new BatchStore<DrillRecord>()
    const sink = writeAheadSink<DrillRecord>({ kind: 'hook', connect: () => store.connect(false), charactersMax: 30 })
    await assert.rejects(
      () => drillOf(sink, new Map()).run(),
      (error: unknown) =>
        error instanceof MillraceError &&
        error.code === 'SINK_WRITE_FAILED' &&
        /more than 30 characters/.test(error.message),
    )
  })

  it('wants has() where it is told that the system remembers', async () => {
    const store = new BatchStore<DrillRecord>()
    const sink = writeAheadSink({ kind: 'hook', connect: () => store.connect(false), remembersBatches: true })
    await assert.rejects(() => drillOf(sink, new Map()).run(), /its target has no method has\(\)/)
  })
})

describe('transactionalSink', () => {
  it('says that records are lost when a prepared transaction is gone', async () => {
    const store = new TransactionStore<DrillRecord>()
    const sink = transactionalSink<DrillRecord>({ kind: 'store', connect: () => store.connect() })
    const committer = (await sink.openCommitter?.({ files: noFiles(), uid: 'out', report() {} })) as SinkCommitter
    store.forgetPrepared()
    await assert.rejects(
      () => committer.commit([{ id: 'millrace/x/out/0/1/0-a' }]),
      (error: unknown) => error instanceof MillraceError && error.code === 'SINK_DATA_LOSS',
    )
  })

  it('rolls back what no checkpoint names, of its own step and history only', async () => {
    const store = new TransactionStore<DrillRecord>()
    const target = await store.connect()
    const names = [
      'millrace/aa/out/0/1/0-x',
      'millrace/aa/out/0/2/0-x',
      'millrace/aa/out2/0/1/0-x',
      'millrace/bb/out/0/1/0-x',
    ]
    for (const name of names) await (await target.begin(name)).prepare()
    const reports: string[] = []
    const sink = transactionalSink<DrillRecord>({ kind: 'store', connect: () => store.connect() })
    await sink.prepareTarget?.({
      files: noFiles(),
      uid: 'out',
      lineage: 'aa',
      restoredCheckpoint: 1,
      firstAttempt: true,
      discardNewer: false,
      pending: [{ id: 'millrace/aa/out/0/1/0-x' }],
      writerStates: [],
      report: (text) => void reports.push(text),
    })
    assert.deepEqual(
      store.unfinished,
      names.filter((name) => name !== 'millrace/aa/out/0/2/0-x'),
    )
    assert.deepEqual(reports, ['1 transaction that no checkpoint names rolled back.'])
  })

  it('ends an open transaction when its writer is closed without a preparation', async () => {
    const store = new TransactionStore<DrillRecord>()
    const sink = transactionalSink<DrillRecord>({ kind: 'store', connect: () => store.connect() })
    const writer = await sink.openWriter(writerContext(), [])
    await writer.write(
      records,
      records.map(() => 0),
    )
    assert.equal(store.unfinished.length, 1)
    await writer.close()
    assert.deepEqual([store.unfinished, store.visible], [[], []])
  })
})

describe('upsertSink', () => {
  it('keeps the last row of a key, deletes where there is none, and names the epoch', async () => {
    const store = new RowStore<number>()
    const sink = upsertSink<DrillRecord, number>({
      kind: 'store',
      connect: () => store.connect(),
      key: ({ key }) => key,
      row: ({ n }) => (n < 0 ? undefined : n),
    })
    const writer = await sink.openWriter(writerContext(), [])
    const write = (rows: readonly DrillRecord[]) =>
      writer.write(
        rows,
        rows.map(() => 0),
      )
    await write([
      { key: 'a', n: 1 },
      { key: 'b', n: 2 },
      { key: 'a', n: 3 },
    ])
    assert.deepEqual(store.calls, [], 'held back until there are enough')
    await writer.prepare(4, 'checkpoint')
    await write([{ key: 'b', n: -1 }])
    await writer.prepare(6, 'checkpoint')
    assert.deepEqual(store.calls, [
      [
        { key: 'a', row: 3, epoch: 4 },
        { key: 'b', row: 2, epoch: 4 },
      ],
      [{ key: 'b', row: undefined, epoch: 5 }],
    ])
    assert.deepEqual([...store.rows], [['a', 3]])
  })
})

for (const [call, make] of [
  ['transactionalSink', (options: object) => transactionalSink(options as never)],
  ['upsertSink', (options: object) => upsertSink(options as never)],
  ['writeAheadSink', (options: object) => writeAheadSink(options as never)],
] as const) {
  it(`${call} refuses options that are none`, () => {
    const right = { kind: 'x', connect: async () => ({}), ...(call === 'upsertSink' ? { key: () => '' } : {}) }
    make(right)
    for (const wrong of [
      { ...right, kind: undefined },
      { ...right, connect: 7 },
      { ...right, conect: 1 },
    ]) {
      assert.throws(() => make(wrong), MillraceError)
    }
  })
}

function noFiles() {
  return new SimulatedDisk({ random: () => 0.999 }).mount()
}

function writerContext() {
  return {
    files: noFiles(),
    lineage: 'aa',
    jobName: 'job',
    uid: 'out',
    subtask: 0,
    parallelism: 1,
    attempt: 0,
    firstEpoch: 4,
    nonce: 'x',
    now: () => 0,
    count() {},
  }
}
