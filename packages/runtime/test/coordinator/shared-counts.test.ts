/** A step whose counts share their different values gets and loses aggregates, and they come to share otherwise. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type AggregateParts,
  ascending,
  collect,
  count,
  countDistinct,
  type FileSystem,
  filtered,
  type JobDefinition,
  tumbling,
} from '@millrace/api'
import { encodeManifest, parseManifest } from '@millrace/core'
import { jobOf, rowsSource, runUntil } from './evolving-job.ts'
import { type InlineJob, memoryDisk, runInline } from './inline-job.ts'

interface Row {
  readonly k: string
  readonly user: number
  readonly page: number
}

const SAVEPOINT = 'savepoint'
const FIRST: readonly Row[] = [
  { k: 'a', user: 1, page: 1 },
  { k: 'a', user: 2, page: 1 },
  { k: 'a', user: 3, page: 2 },
  { k: 'b', user: 1, page: 1 },
]
const SECOND: readonly Row[] = [...FIRST, { k: 'a', user: 4, page: 2 }]

const users = () => countDistinct<Row>('user')
const isLate = ({ user }: Row): boolean => user > 1
const isOdd = ({ user }: Row): boolean => user % 2 === 1
const STORED = { all: users(), late: filtered(users(), isLate), pages: countDistinct<Row>('page') }

function jobWith(
  rows: readonly Row[],
  parts: AggregateParts<Row>,
  ends: boolean,
  onRow: () => void = () => {},
): JobDefinition {
  return jobOf((env) => {
    const keyed = env
      .from(rowsSource(rows, ends), { uid: 'rows', watermarks: ascending(() => 1) })
      .map((row) => {
        onRow()
        return row
      })
      .keyBy('k')
    keyed
      .aggregate(parts, (results, { key }) => ({ key, ...results }), { uid: 'running' })
      .to(collect('running'), { uid: 'running-out' })
    keyed
      .window(tumbling({ size: '1 h' }))
      .aggregate(parts, (results, { key }) => ({ key, ...results }), { uid: 'windows' })
      .to(collect('windows'), { uid: 'windows-out' })
  })
}

for (const backend of ['hashmap', 'segments']) {
  describe(`counts that share different values, with ${backend}`, { timeout: 120_000 }, () => {
    const configuration = { 'state.backend.type': backend, 'restart-strategy.type': 'none' }

    async function stored(): Promise<FileSystem> {
      const files = memoryDisk()
      let seen = 0
      await runUntil(
        jobWith(FIRST, STORED, false, () => seen++),
        () => seen === FIRST.length,
        { files, configuration, savepoint: SAVEPOINT },
      )
      return files
    }

    function restored(
      files: FileSystem,
      parts: AggregateParts<Row>,
      allowNonRestoredState = false,
    ): Promise<InlineJob> {
      const restore = { kind: 'path', path: SAVEPOINT, discardNewer: true, allowNonRestoredState } as const
      return runInline(jobWith(SECOND, parts, true), { files, configuration, restore })
    }

    function assertResults({ outcome }: InlineJob, a: object, b: object): void {
      assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
      assert.deepEqual(outcome.collected.running, [{ key: 'a', ...a }])
      const windows = outcome.collected.windows as readonly { readonly key: string }[]
      assert.deepEqual(
        windows.toSorted((x, y) => (x.key < y.key ? -1 : 1)),
        [
          { key: 'a', ...a },
          { key: 'b', ...b },
        ],
      )
    }

    it('go on beside an aggregate that is new', async () => {
      const files = await stored()
      const job = await restored(files, { ...STORED, n: count() })
      assertResults(job, { all: 4, late: 3, pages: 2, n: 1 }, { all: 1, late: 0, pages: 1, n: 0 })
      assert.match(job.messages.join('\n'), /Operator "running" did not have "n" before/)
    })

    it('are joined by another count, which begins', async () => {
      const job = await restored(await stored(), { ...STORED, odd: filtered(users(), isOdd) })
      assertResults(job, { all: 4, late: 3, pages: 2, odd: 0 }, { all: 1, late: 0, pages: 1, odd: 0 })
    })

    it('are left by one of them, where that is allowed', async () => {
      const files = await stored()
      const { late, pages } = STORED
      const refused = await restored(files, { late, pages })
      assert.equal(refused.outcome.error?.code, 'STATE_INCOMPATIBLE')
      assert.match(refused.outcome.error?.message ?? '', /holds the aggregate "all"/)
      assertResults(await restored(files, { late, pages }, true), { late: 3, pages: 2 }, { late: 0, pages: 1 })
    })

    it('come to share with others', async () => {
      const files = await stored()
      const pages = ({ page }: Row): number => page
      const parts = { all: users(), late: filtered(countDistinct(pages), isLate), pages: countDistinct(pages) }
      // What was counted as users goes on as pages: the name says that it is the same.
      assertResults(await restored(files, parts), { all: 4, late: 2, pages: 2 }, { all: 1, late: 0, pages: 1 })
    })

    it('are refused, with the way out, where the manifest does not say who shares', async () => {
      const files = await stored()
      const path = `${SAVEPOINT}/_metadata`
      const manifest = parseManifest(await readAll(files, path), path)
      const running = manifest.operators.find(({ uid }) => uid === 'running')
      const form = {
        kind: 'aggregate',
        name: '{all: countDistinct, late: filtered countDistinct, pages: countDistinct}',
      } as const
      assert.deepEqual(running?.tables[0]?.form, {
        ...form,
        parts: [
          { name: 'all', aggregate: 'countDistinct', version: 1, heldAt: 0 },
          { name: 'late', aggregate: 'filtered countDistinct', version: 1, heldAt: 0 },
          { name: 'pages', aggregate: 'countDistinct', version: 1 },
        ],
      })
      const operators = manifest.operators.map((operator) => ({
        ...operator,
        tables: operator.tables.map((table) => (table.form?.kind === 'aggregate' ? { ...table, form } : table)),
      }))
      await replace(files, path, encodeManifest({ ...manifest, operators }))
      const { outcome, slots } = await restored(files, { ...STORED, n: count() })
      assert.equal(outcome.error?.code, 'STATE_INCOMPATIBLE', outcome.error?.message)
      assert.match(outcome.error?.hint ?? '', /Restore with the aggregates as they were, take a savepoint/)
      assert.equal(slots.launched, 0)
      assertResults(await restored(files, STORED), { all: 4, late: 3, pages: 2 }, { all: 1, late: 0, pages: 1 })
    })
  })
}

async function readAll(files: FileSystem, path: string): Promise<Uint8Array> {
  const file = await files.openRead(path)
  const bytes = new Uint8Array(await file.sizeBytes())
  await file.read(bytes, 0)
  await file.close()
  return bytes
}

async function replace(files: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const file = await files.create(path)
  await file.write(bytes)
  await file.close()
}
