/** How state of another form is met, for every kind of state and every step that keeps values of the user's, with one suite. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { ascending, collect, type FileSystem, type JobDefinition, max, min, tumbling } from '@millrace/api'
import { z } from 'zod'
import { jobOf, rowsSource, runUntil } from './evolving-job.ts'
import { type InlineJob, memoryDisk, runInline } from './inline-job.ts'
import { type Declaration, STATE_KINDS, type StateKind, type Visit } from './state-kinds.ts'

const SAVEPOINT = 'savepoint'
const STORED: Visit = { k: 'a', page: '/', old: 1 }
const ASK: Visit = { k: 'a', ask: true }
const STORED_SCHEMA = z.object({ k: z.string(), page: z.string(), old: z.number() })

const uidOf = ({ name }: StateKind): string => name.replaceAll(' ', '-')

function jobWith(
  kinds: readonly StateKind[],
  { form = {}, use = (kept) => kept }: Partial<Declaration>,
  rows: readonly Visit[],
  onVisit: () => void = () => {},
): JobDefinition {
  return jobOf((env) => {
    const visits = env
      .from(rowsSource(rows, rows.length > 1), { uid: 'rows', watermarks: ascending(() => 1) })
      .map((visit) => {
        onVisit()
        return visit
      })
      .keyBy(({ k }) => k)
    for (const kind of kinds) {
      const uid = uidOf(kind)
      kind.add(visits, uid, { form, use }).to(collect(uid), { uid: `${uid}-out` })
    }
  })
}

for (const backend of ['hashmap', 'segments']) {
  const configuration = { 'state.backend.type': backend, 'restart-strategy.type': 'none' }

  /** A disk with a savepoint of all kinds, each with one visit. */
  async function stored(form: Declaration['form'], visit: Visit = STORED): Promise<FileSystem> {
    const files = memoryDisk()
    let seen = 0
    const job = jobWith(STATE_KINDS, { form }, [visit], () => seen++)
    const { outcome } = await runUntil(job, () => seen === 1, { files, configuration, savepoint: SAVEPOINT })
    assert.equal(outcome.state, 'CANCELED', outcome.error?.message)
    return files
  }

  function restored(
    files: FileSystem,
    declaration: Partial<Declaration>,
    kinds: readonly StateKind[] = STATE_KINDS,
  ): Promise<InlineJob> {
    const allowNonRestoredState = kinds !== STATE_KINDS
    const restore = { kind: 'path', path: SAVEPOINT, discardNewer: true, allowNonRestoredState } as const
    return runInline(jobWith(kinds, declaration, [STORED, ASK]), { files, configuration, restore })
  }

  function assertKept({ outcome }: InlineJob, expected: unknown): void {
    assert.equal(outcome.state, 'FINISHED', outcome.error?.message)
    for (const kind of STATE_KINDS) {
      const kept = outcome.collected[uidOf(kind)] ?? []
      assert.ok(kept.length > 0, kind.name)
      for (const each of kept) assert.deepEqual(each, expected, kind.name)
    }
  }

  async function assertRefused(files: FileSystem, form: Declaration['form'], code: string, problem: RegExp) {
    const { outcome, slots } = await restored(files, { form })
    assert.equal(outcome.error?.code, code, outcome.error?.message)
    const refusals = (outcome.error?.message ?? '').split('; ')
    for (const kind of STATE_KINDS) {
      const refusal = refusals.find((each) => each.startsWith(`State "${kind.state}" of operator "${uidOf(kind)}" `))
      assert.match(refusal ?? '', problem, kind.name)
    }
    assert.equal(slots.launched, 0)
  }

  describe(`state of every kind in another form, with ${backend}`, { timeout: 120_000 }, () => {
    let plain: FileSystem
    let withSchema: FileSystem
    let withoutForm: FileSystem
    before(async () => {
      plain = await stored({})
      withSchema = await stored({ schema: STORED_SCHEMA })
      withoutForm = await stored({}, { ...STORED, page: 3 })
    })

    it('has the fields that it had, where nothing is declared', async () => {
      assertKept(await restored(plain, {}), STORED)
    })

    it('gets fields with a default and loses others by its schema', async () => {
      const schema = z.object({ k: z.string(), page: z.string(), site: z.string().default('main') })
      assertKept(await restored(withSchema, { form: { schema } }), { k: 'a', page: '/', site: 'main' })
    })

    it('is migrated to a declared version, and checked by its schema then', async () => {
      const form = {
        version: 3,
        migrate: (old: unknown, fromVersion: number) => ({ k: 'a', url: (old as Visit).page, fromVersion }),
        schema: z.object({ k: z.string(), url: z.string(), fromVersion: z.number() }),
      }
      assertKept(await restored(plain, { form }), { k: 'a', url: '/', fromVersion: 1 })
    })

    it('is refused by state and operator before anything starts, where the schema is certain not to read it', async () => {
      const schema = STORED_SCHEMA.extend({ site: z.string() })
      await assertRefused(withSchema, { schema }, 'STATE_INCOMPATIBLE', /value\.site is required and was not stored/)
    })

    it('is refused by state and operator where it is of an older version, without migrate', async () => {
      await assertRefused(plain, { version: 2 }, 'STATE_MISREAD', /version 1, .* version 2 without migrate/)
    })

    it('is refused by state and operator where it is of a newer version', async () => {
      const files = await stored({ version: 2 })
      await assertRefused(files, { version: 1 }, 'STATE_MISREAD', /was stored as version 2, .* version 1/)
    })

    for (const kind of STATE_KINDS) {
      it(`names state, operator, key and field of a value that its schema refuses: ${kind.name}`, async () => {
        const { outcome } = await restored(withoutForm, { form: { schema: STORED_SCHEMA } }, [kind])
        assert.equal(outcome.error?.code, 'STATE_INCOMPATIBLE', outcome.error?.message)
        const { message = '' } = outcome.error ?? {}
        assert.ok(message.includes(`State "${kind.state}" of operator "${uidOf(kind)}", key "a": `), message)
        assert.match(message, /\.page: .*string/)
      })

      it(`names state, operator, key and the fields that are there where code misreads it: ${kind.name}`, async () => {
        const use = (kept: unknown) => (kept as { urls: string[] }).urls.length
        const { outcome } = await restored(plain, { use }, [kind])
        const { error } = outcome
        assert.equal(error?.code, 'USER_FUNCTION_FAILED', error?.message)
        assert.match(error?.message ?? '', /reading 'length'/)
        assert.deepEqual([error?.details.uid, error?.details.key], [uidOf(kind), '"a"'])
        assert.equal(error?.details.restoredStates, kind.state)
        assert.match(error?.hint ?? '', /may be restored from checkpoint \d+, .*holds .*\{ k, page, old \}/)
      })
    }
  })

  it(`min and max keep a value as it is, and have the same means, with ${backend}`, { timeout: 120_000 }, async () => {
    const files = memoryDisk()
    const job = (rows: readonly Visit[], form: Declaration['form'], onVisit: () => void = () => {}) =>
      jobOf((env) => {
        const visits = env
          .from(rowsSource(rows, rows.length > 1), { uid: 'rows', watermarks: ascending(() => 1) })
          .map(({ k, ask }) => {
            onVisit()
            return { k, cents: ask === true ? undefined : 250 }
          })
          .keyBy('k')
        const parts = {
          least: min(({ cents }: { cents: number | undefined }) => cents, form as never),
          most: max(({ cents }: { cents: number | undefined }) => cents, form as never),
        }
        visits.aggregate(parts, { uid: 'running' }).to(collect('running'), { uid: 'running-out' })
        visits
          .window(tumbling({ size: '1 h' }))
          .aggregate(parts, { uid: 'windows' })
          .to(collect('windows'), { uid: 'windows-out' })
      })
    let seen = 0
    await runUntil(
      job([STORED], { schema: z.number() }, () => seen++),
      () => seen === 1,
      { files, configuration, savepoint: SAVEPOINT },
    )
    const restore = { kind: 'path', path: SAVEPOINT, discardNewer: true, allowNonRestoredState: false } as const
    const migrate = (cents: unknown) => Number(cents) / 100
    const { outcome } = await runInline(job([STORED, ASK], { version: 2, migrate, schema: z.number() }), {
      files,
      configuration,
      restore,
    })
    assert.deepEqual(outcome.collected.running, [{ least: 2.5, most: 2.5 }], outcome.error?.message)
    assert.deepEqual(outcome.collected.windows, [{ least: 2.5, most: 2.5 }])
    const refused = await runInline(job([STORED, ASK], { schema: z.string() }), { files, configuration, restore })
    assert.equal(refused.outcome.error?.code, 'STATE_INCOMPATIBLE')
    for (const uid of ['running', 'windows']) {
      assert.match(
        refused.outcome.error?.message ?? '',
        new RegExp(`operator "${uid}" [^;]*aggregate "least" value was number and is string`),
      )
    }
  })
}
