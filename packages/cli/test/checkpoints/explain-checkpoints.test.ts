import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '@millrace/api'
import type { CheckpointContents } from '@millrace/core'
import type { InspectedCheckpoints } from '@millrace/runtime'
import { explainCheckpoints } from '../../src/checkpoints/explain-checkpoints.ts'
import { renderCheckpoints } from '../../src/checkpoints/render-checkpoints.ts'
import { plainPaint } from '../../src/text/paint.ts'

const KIB = 1_024

function contents(more: Partial<CheckpointContents>): CheckpointContents {
  return {
    checkpointId: 1,
    kind: 'checkpoint',
    jobName: 'job',
    triggeredAtMs: 0,
    completedAtMs: 120,
    isFinal: false,
    stateBytes: 4 * KIB,
    ownBytes: 4 * KIB,
    inFlightBytes: 0,
    inlineBytes: 0,
    ownBases: 2,
    ownDeltas: 0,
    reused: [],
    deltasMax: 0,
    neededBy: [],
    neededBytes: 0,
    ownFiles: 1,
    freedBytes: 4 * KIB,
    operators: [],
    measures: [],
    ...more,
  }
}

function inspected(checkpoints: readonly CheckpointContents[], more: Partial<InspectedCheckpoints> = {}) {
  return {
    folder: 'folder',
    isNamed: false,
    contents: checkpoints,
    damaged: [],
    fileBytes: 5 * KIB,
    files: 2,
    unnamedBytes: 0,
    ...more,
  }
}

const full = contents({ neededBy: [{ checkpointId: 3, bytes: KIB, segments: 1 }], neededBytes: KIB, freedBytes: 0 })
const incremental = contents({
  checkpointId: 3,
  ownBytes: KIB,
  ownBases: 0,
  ownDeltas: 1,
  reused: [
    { checkpointId: 1, bytes: KIB, segments: 1 },
    { checkpointId: 2, bytes: 2 * KIB, segments: 1 },
  ],
  deltasMax: 2,
  freedBytes: KIB,
})

describe('explainCheckpoints', () => {
  it('says of a full one that it stands alone, and who needs it', () => {
    const [text] = explainCheckpoints(inspected([full, incremental]))
    assert.equal(
      text,
      'Checkpoint 1 stands alone: it wrote all 4.0 KiB of its state, 2 key groups as bases. If it is deleted, nothing goes but its manifest. ' +
        '1.0 KiB that 1 wrote must stay: without them checkpoint 3 could not be restored. The engine keeps them; a hand in the folder shared/ would not.',
    )
  })

  it('says of an incremental one what it refers to, and which of those are gone', () => {
    const [, text = '', folder = ''] = explainCheckpoints(inspected([full, incremental]))
    assert.match(
      text,
      /it wrote 1\.0 KiB \(0 bases, 1 delta: .*\) and refers to 3\.0 KiB that checkpoints 1 and 2 wrote\./,
    )
    assert.match(text, /at most 2 deltas over it; nothing that a checkpoint before 1 wrote is needed any more/)
    assert.match(text, /Checkpoint 2 itself is no longer there; of what it wrote, the part that is referred to stays\./)
    assert.match(folder, /^2 checkpoints are kept: .*come to 50 % of its base or are 8/)
  })

  it('says of the newest what a deletion would mean for the job', () => {
    const [first = '', second = ''] = explainCheckpoints(inspected([full, incremental]))
    assert.ok(!first.includes('--resume'))
    assert.match(second, /It is the newest, from which --resume goes on: .* only go back to checkpoint 1 and give up/)
    const [alone = ''] = explainCheckpoints(inspected([full]))
    assert.match(alone, /nothing to go on from but what the job was started with\.$/)
    const problem = new MillraceError('CHECKPOINT_DAMAGED', 'a file is missing')
    const damaged = [{ state: 'damaged', checkpointId: 7, path: 'folder/chk-7', problem }] as const
    for (const text of explainCheckpoints(inspected([full, incremental], { damaged }))) {
      assert.ok(!text.includes('It is the newest'), 'a damaged one is: nothing is resumed')
    }
  })

  it('says nothing of the folder where one is named, and nothing of others for a savepoint', () => {
    assert.equal(explainCheckpoints(inspected([full], { isNamed: true })).length, 1)
    assert.deepEqual(explainCheckpoints(inspected([contents({ kind: 'savepoint' })], { isNamed: true })), [
      'The savepoint (number 1) owns all 4.0 KiB that it names: its folder can be moved anywhere.',
    ])
  })

  it('says that a final one runs nothing, and that one without keyed state has positions only', () => {
    const [final = ''] = explainCheckpoints(inspected([contents({ isFinal: true, stateBytes: 0, ownBytes: 0 })]))
    assert.match(final, /^Checkpoint 1 is final: .* Checkpoint 1 holds no keyed state/)
  })

  it('says what is in flight and what becomes of it', () => {
    const [text = ''] = explainCheckpoints(inspected([contents({ inFlightBytes: 3 * KIB })]))
    assert.match(text, /Checkpoint 1 holds 3\.0 KiB of records in flight, .* a restore works them off first\./)
  })

  it('says what a damaged one holds back, and what dead bytes are', () => {
    const problem = new MillraceError('CHECKPOINT_DAMAGED', 'a file is missing')
    const damaged = [{ state: 'damaged', checkpointId: 7, path: 'folder/chk-7', problem }] as const
    const paragraphs = explainCheckpoints(inspected([full], { damaged, unnamedBytes: KIB }))
    assert.match(paragraphs[1] ?? '', /^Checkpoint 7 cannot be restored\./)
    assert.match(paragraphs[2] ?? '', /^1 checkpoint is kept: .* 1\.0 KiB in the files are named by none/)
    assert.ok(renderCheckpoints(inspected([full], { damaged }), plainPaint).includes('damaged 7: a file is missing'))
    const newer = new MillraceError('CHECKPOINT_NEWER_VERSION', 'it has version 9')
    const lines = renderCheckpoints(inspected([full], { damaged: [{ ...damaged[0], problem: newer }] }), plainPaint)
    assert.ok(lines.includes('newer version 7: it has version 9'))
  })
})

describe('renderCheckpoints', () => {
  it('lays out a line for each', () => {
    assert.deepEqual(renderCheckpoints(inspected([full, incremental], { unnamedBytes: KIB }), plainPaint), [
      'Checkpoints in folder  job "job"',
      '2 segment files, 5.0 KiB, 1.0 KiB of it named by none',
      '',
      'id  kind         completed              took    state  written  re-used  of      frees  needed by',
      ' 1  full         1970-01-01 00:00:00  120 ms  4.0 KiB  4.0 KiB        –  –         0 B  3',
      ' 3  incremental  1970-01-01 00:00:00  120 ms  4.0 KiB  1.0 KiB  3.0 KiB  1, 2  1.0 KiB  –',
    ])
  })
})
