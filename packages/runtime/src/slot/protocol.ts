/**
 * The messages between coordinator and slots: plain data, closed unions. They carry control only; records go through
 * channels. A message of an older attempt cannot arrive: every attempt has new slots and new ports.
 */
import type { ErrorData, PlainValue } from '@millrace/api'
import type {
  CheckpointBarrier,
  CheckpointId,
  InFlightSnapshot,
  KeyGroupSnapshot,
  SubtaskMeasures,
  SubtaskSnapshot,
  TableDescriptor,
  TableUsage,
} from '@millrace/core'
import type { TaskId } from '../task/task-ports.ts'
import type { RestoreMeasures } from './restore-keyed-state.ts'

/** Task states that a slot reports; Flink's words. */
export type TaskState = 'DEPLOYING' | 'INITIALIZING' | 'RUNNING' | 'FINISHED' | 'CANCELING' | 'CANCELED' | 'FAILED'

/** One logical channel: subtask `fromSubtask` of an edge to subtask `toSubtask`. */
export interface ChannelDeployment {
  readonly edgeId: string
  readonly fromSubtask: number
  readonly toSubtask: number
  readonly fromSlot: number
  readonly toSlot: number
  /** Ring memory; `undefined`: both ends are in this slot and elements go by reference. */
  readonly ring: SharedArrayBuffer | undefined
}

export interface TaskDeployment {
  readonly id: TaskId
  /** What to restore; `undefined` on a fresh start. */
  readonly restore: TaskRestore | undefined
  /** Operator entries by uid: source splits, sink writer states. */
  readonly entries: Readonly<Record<string, readonly PlainValue[]>>
  /** The subtask had ended before the restored checkpoint. */
  readonly wasFinished: boolean
  readonly metrics: SharedArrayBuffer
}

export interface TaskRestore {
  readonly checkpointId: CheckpointId
  /** What the segments are relative to, when that is not the job's own checkpoint folder: a savepoint. */
  readonly folder: string | undefined
  readonly keyGroups: Readonly<Record<string, readonly KeyGroupSnapshot[]>>
  /** On the way to the task's first operator; worked off before anything is read. */
  readonly inFlight: readonly InFlightSnapshot[]
  /** How the state of each operator was declared when it was stored. */
  readonly tables: Readonly<Record<string, readonly TableDescriptor[]>>
}

export interface SlotDeployment {
  readonly slot: number
  readonly attempt: number
  readonly jobName: string
  readonly lineage: string
  readonly graphHash: string
  /** Configuration as given, parsed again in the slot. */
  readonly config: Readonly<Record<string, string>>
  /** Where segments are read and written. */
  readonly checkpointFolder: string
  /** The first checkpoint that can contain what is written now. */
  readonly firstEpoch: CheckpointId
  readonly tasks: readonly TaskDeployment[]
  readonly channels: readonly ChannelDeployment[]
  /** One per slot, by index. */
  readonly doorbells: readonly SharedArrayBuffer[]
  /** One Int32: the slot adds to it whenever it gets a turn. */
  readonly heartbeat: SharedArrayBuffer
}

/** Event time that restored operators have been through, by uid; where there are several subtasks, the latest of them. */
export type RestoredEventTimes = Readonly<Record<string, number>>

export function latestByUid(all: readonly RestoredEventTimes[]): RestoredEventTimes {
  const latest: Record<string, number> = {}
  for (const times of all) {
    for (const [uid, time] of Object.entries(times))
      latest[uid] = Math.max(latest[uid] ?? Number.NEGATIVE_INFINITY, time)
  }
  return latest
}

export type ToSlot =
  | { readonly type: 'deploy'; readonly deployment: SlotDeployment }
  /** All slots have their tasks ready: begin. */
  | { readonly type: 'start'; readonly restoredEventTimes: RestoredEventTimes }
  | { readonly type: 'trigger'; readonly barrier: CheckpointBarrier; readonly tasks: readonly TaskId[] }
  | { readonly type: 'complete'; readonly checkpointId: CheckpointId }
  | { readonly type: 'abort'; readonly checkpointId: CheckpointId }
  /** Sources end as if their input had: what they have not read stays unread. */
  | { readonly type: 'drain' }
  /** Close everything in order and answer `closed`. */
  | { readonly type: 'close' }

export type FromSlot =
  /** Its tasks are ready; the times are those of the operators whose state it has restored. */
  | { readonly type: 'ready'; readonly restoredEventTimes: RestoredEventTimes; readonly restored: RestoreMeasures }
  /** A record has gone into or out of one of its tasks for the first time. */
  | { readonly type: 'first-record' }
  | { readonly type: 'task-state'; readonly task: TaskId; readonly state: TaskState; readonly atMs: number }
  | {
      readonly type: 'snapshot'
      readonly task: TaskId
      readonly checkpointId: CheckpointId
      readonly snapshot: SubtaskSnapshot
      readonly stats: SubtaskMeasures
    }
  | { readonly type: 'declined'; readonly task: TaskId; readonly checkpointId: CheckpointId; readonly error: ErrorData }
  | { readonly type: 'committed'; readonly task: TaskId; readonly checkpointId: CheckpointId }
  | { readonly type: 'ended'; readonly task: TaskId }
  | { readonly type: 'failed'; readonly task: TaskId | undefined; readonly error: ErrorData }
  /** The job's code ends the thread; the error has the place where. */
  | { readonly type: 'exiting'; readonly error: ErrorData }
  /** A counter that a task uses for the first time gets a place in its metrics block. */
  | { readonly type: 'counter'; readonly task: TaskId; readonly name: string; readonly index: number }
  /** What each state of a task holds, when that has changed, and what its store says of itself. */
  | {
      readonly type: 'state-usage'
      readonly task: TaskId
      readonly usage: readonly TableUsage[]
      readonly store: Readonly<Record<string, number>> | undefined
    }
  /** To the user, from a sink or the slot; information unless it is a warning. */
  | { readonly type: 'report'; readonly task: TaskId; readonly message: string; readonly level?: 'warning' }
  | { readonly type: 'collected'; readonly channel: string; readonly id: string; readonly values: readonly unknown[] }
  | { readonly type: 'printed'; readonly line: string }
  | { readonly type: 'closed' }
