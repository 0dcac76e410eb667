import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SeededRandom, SimulatedDisk } from '@millrace/testing'
import { FileCheckpointStorage } from '../../src/checkpoint-storage/file-checkpoint-storage.ts'
import { readLineage, writeLineage } from '../../src/coordinator/lineage-file.ts'
import { FOLDER, failsWith, fresh, OWN, open } from './chosen-start.ts'

describe('the lineage file', () => {
  it('is read as it was written, replaced, and absent at first', async () => {
    const { files } = await open()
    assert.equal(await readLineage(files, FOLDER), undefined)
    const origin = { path: 'a savepoint/„1“', checkpointId: 3 }
    const futures = [{ id: '0123456789abcdef', after: 0 }]
    const claimed = { ...origin, claimMode: 'CLAIM' as const }
    for (const lineage of [
      fresh(OWN),
      { ...fresh('0123456789abcdef'), origin },
      { ...fresh(OWN), origin: claimed, futures },
      { ...fresh(OWN), futures },
      fresh(OWN),
    ]) {
      await writeLineage(files, FOLDER, lineage)
      assert.deepEqual(await readLineage(files, FOLDER), lineage)
    }
  })

  it('survives a crash once it was written, and is never half of one', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = new SeededRandom(seed)
      const disk = new SimulatedDisk({ random: () => random.fraction() })
      await new FileCheckpointStorage(disk.mount(), FOLDER).open()
      await writeLineage(disk.mount(), FOLDER, fresh(OWN))
      disk.crash()
      assert.deepEqual(await readLineage(disk.mount(), FOLDER), fresh(OWN))
    }
  })

  it('that is damaged is an error', async () => {
    const { disk, files } = await open()
    await writeLineage(files, FOLDER, fresh(OWN))
    disk.corrupt(`${FOLDER}/lineage`, 3)
    await assert.rejects(readLineage(files, FOLDER), failsWith('BYTES_DAMAGED'))
  })
})
