/**
 * The inbox of development mode: what waits in front of a stage is frozen, wherever it came from – a stage before, a
 * source, a channel. So code that changes a record it was given throws at the place.
 */
import type { RecordBatch } from '../batch/record-batch.ts'
import { deepFreeze } from '../state/deep-freeze.ts'
import { StageInbox } from './stage-inbox.ts'

export class FreezingInbox extends StageInbox {
  override emit(record: unknown, timestamp: number): void {
    super.emit(deepFreeze(record), timestamp)
  }

  override pushBatch(batch: RecordBatch, bytes?: number): void {
    for (const record of batch.records) deepFreeze(record)
    super.pushBatch(batch, bytes)
  }
}
