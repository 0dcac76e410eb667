/**
 * Writes the golden savepoint of the present formats: `node scripts/run.mjs test/golden/write-golden.ts`. For formats that are
 * released already there is one; it stays as it is, since that is what users have on their disks.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { MANIFEST_VERSION, SEGMENT_VERSION } from '@millrace/core'
import { GoldenRuns, SAVEPOINTS } from './golden-runs.ts'
import { writeSamples } from './samples.ts'

const { values } = parseArgs({ options: { replace: { type: 'boolean', default: false } } })
const name = `manifest-${MANIFEST_VERSION}-segment-${SEGMENT_VERSION}`
const path = join(SAVEPOINTS, name)
if (existsSync(path) && !values.replace) {
  console.error(`${path} exists. While its format is not released, --replace writes it anew; else raise the version.`)
  process.exitCode = 1
} else {
  rmSync(path, { recursive: true, force: true })
  const runs = new GoldenRuns()
  try {
    await runs.savepoint(path)
    writeSamples()
    console.log(`Written: ${path}`)
  } finally {
    runs.dispose()
  }
}
