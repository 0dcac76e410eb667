/**
 * Savepoints of every format that there has been: each must restore, at other parallelisms too, and give what the job gives without a
 * stop. And what is written now must be of the format of the newest of them: whoever changes it raises its version and
 * keeps another savepoint (CONTRIBUTING.md, "Change the form of stored state").
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { MANIFEST_VERSION, parseManifest, readSegment, SEGMENT_VERSION } from '@millrace/core'
import { GoldenRuns, SAVEPOINTS } from './golden-runs.ts'
import { SAMPLES, samples } from './samples.ts'

const CHANGED =
  'The format has changed. Raise SEGMENT_VERSION or MANIFEST_VERSION (unless this version was never released), read the old one as before, ' +
  'and keep a savepoint: node scripts/run.mjs test/golden/write-golden.ts'

describe('golden savepoints', () => {
  const runs = new GoldenRuns()
  after(() => runs.dispose())
  let undisturbed: Promise<readonly string[]> | undefined

  for (const name of readdirSync(SAVEPOINTS)) {
    for (const parallelism of [1, 3]) {
      it(`${name} restores at parallelism ${parallelism}`, { timeout: 120_000 }, async () => {
        undisturbed ??= runs.output(1)
        const expected = await undisturbed
        assert.ok(expected.length > 100)
        assert.deepEqual(await runs.output(parallelism, join(SAVEPOINTS, name)), expected)
      })
    }
  }

  it('there is one of the present formats, and a savepoint that is written now has the same fields', {
    timeout: 120_000,
  }, async () => {
    const newest = join(SAVEPOINTS, `manifest-${MANIFEST_VERSION}-segment-${SEGMENT_VERSION}`)
    assert.ok(existsSync(newest), CHANGED)
    const now = join(runs.folder, 'now')
    await runs.savepoint(now)
    assert.deepEqual(fieldsOf(now), fieldsOf(newest), CHANGED)
  })

  it('the same state gives the same bytes', () => {
    for (const [name, bytes] of samples()) {
      const file = join(SAMPLES, name)
      assert.ok(existsSync(file) && readFileSync(file).equals(bytes), `${name}: ${CHANGED}`)
    }
  })

  it('manifests of every earlier version are read, and the last as what is written now', () => {
    const read = (name: string) => parseManifest(readFileSync(join(SAMPLES, name)), name)
    for (const name of readdirSync(SAMPLES).filter((each) => each.startsWith('manifest-'))) {
      assert.equal(read(name).operators[0]?.keyGroups[0]?.segments.at(-1)?.kind, 'delta', name)
    }
    // Before, the sample was another one.
    assert.deepEqual(read('manifest-3'), read(`manifest-${MANIFEST_VERSION}`))
  })

  it('segments of every earlier version are read', () => {
    for (const name of readdirSync(SAMPLES).filter((each) => each.startsWith('segment-'))) {
      let operations = 0
      const note = (): void => void operations++
      const visitor = { onHeader: () => {}, onPut: note, onDelete: note, onClear: note, onDropNamespace: note }
      readSegment(readFileSync(join(SAMPLES, name)), visitor, name)
      assert.ok(operations >= 5, name)
    }
  })
})

/** What sources and sinks hold, and where segments are: in files or in the manifest, which depends on how far the job was. */
const OPAQUE: ReadonlySet<string> = new Set(['entries', 'committables', 'segments', 'files'])

/** Names of the fields of a manifest, at every depth but for those. */
function fieldsOf(savepoint: string): readonly string[] {
  const file = join(savepoint, '_metadata')
  const bytes = readFileSync(file)
  parseManifest(bytes, file)
  const body: unknown = JSON.parse(bytes.subarray(bytes.indexOf('\n') + 1).toString('ascii'))
  const fields = new Set<string>()
  const walk = (value: unknown, place: string): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, part] of Object.entries(value)) {
      const at = Array.isArray(value) ? place : `${place}.${name}`
      fields.add(at)
      if (!OPAQUE.has(name)) walk(part, at)
    }
  }
  walk(body, '')
  return [...fields].sort()
}
