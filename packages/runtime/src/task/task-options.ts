/** What a task is made of. */
import type { KeyedStateBackend, OperatorChain, SegmentLedger } from '@millrace/core'
import type { Clock } from '../clock/clock.ts'
import type { EdgeWriter } from './edge-writer.ts'
import type { InputGate } from './input-gate.ts'
import type { PendingCommits } from './pending-commits.ts'
import type { SinkOperator } from './sink-operator.ts'
import type { SourceDriver } from './source-driver.ts'
import type { SnapshotStore, TaskEvents, TaskId } from './task-ports.ts'

export type TaskInput =
  | { readonly kind: 'source'; readonly driver: SourceDriver; readonly uid: string }
  | { readonly kind: 'gate'; readonly gate: InputGate }

export interface TaskSink {
  readonly uid: string
  readonly operator: SinkOperator
  readonly commits: PendingCommits
}

export interface TaskKeyedState {
  readonly backend: KeyedStateBackend
  readonly ledger: SegmentLedger
}

export interface TaskOptions {
  readonly id: TaskId
  /** `vertex name (subtask + 1/parallelism)`, as Flink writes it. */
  readonly name: string
  readonly operatorUids: readonly string[]
  readonly input: TaskInput
  readonly chain: OperatorChain
  readonly edges: readonly EdgeWriter[]
  readonly sink: TaskSink | undefined
  readonly keyed: TaskKeyedState | undefined
  readonly store: SnapshotStore
  readonly clock: Clock
  readonly bufferTimeoutMs: number
  /** After how long barriers of checkpoints overtake, from the trigger on; `undefined`: never. */
  readonly overtakeAfterMs: number | undefined
  readonly events: TaskEvents
  /** The subtask had ended before the restored checkpoint: it runs nothing and only forwards barriers. */
  readonly wasFinished: boolean
}
