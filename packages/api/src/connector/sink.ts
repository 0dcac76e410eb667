/**
 * The contract of a sink, two-phase: a writer per subtask that writes and *prepares*, and a committer that makes
 * prepared output visible once the checkpoint which contains it is complete. `commit` must be idempotent: it is called
 * again after a recovery for everything that the restored checkpoint prepared.
 *
 * What a line of a job's own sink throws counts as an error of its code, which ends the job the second time. For something
 * outside that may be there again later, throw a `MillraceError` with `SINK_WRITE_FAILED`.
 */
import type { FileSystem } from './file-system.ts'
import type { PlainValue } from './plain-value.ts'

/** What of a record's output survives failures: exactly one, or at least one. */
export type DeliveryGuarantee = 'exactly-once' | 'at-least-once'

/** Where records leave the job. Made when the job is built, in the coordinator and in every slot. */
export interface Sink<T, S extends PlainValue = PlainValue, C extends PlainValue = PlainValue> {
  readonly kind: string
  readonly options: Readonly<Record<string, PlainValue>>
  readonly guarantee: DeliveryGuarantee
  /** The most records handed to `write` at once; default 1,024. A slow sink says 1 so that it is asked between records. */
  readonly batchRecordsMax?: number
  /**
   * Called when a process starts the job, before anything is changed anywhere: throws when the target cannot be used as it
   * is. It changes nothing itself; a start that is refused leaves all as it was.
   */
  checkTarget?(context: SinkTargetContext): Promise<void>
  /**
   * Called once in the coordinator before the tasks of an attempt start, with all writers of earlier attempts dead:
   * the place to check and clean the target.
   */
  prepareTarget?(context: SinkTargetContext): Promise<void>
  openWriter(context: SinkWriterContext, restored: readonly S[]): Promise<SinkWriter<T, S, C>>
  /** Left out by sinks that have nothing to commit. */
  openCommitter?(context: SinkCommitterContext): Promise<SinkCommitter<C>>
}

/** What `checkTarget` and `prepareTarget` may ask and do. */
export interface SinkTargetContext {
  readonly files: FileSystem
  /** The uid of the sink's step: two sinks of a job may share a folder, and each cleans up only what is its own. */
  readonly uid: string
  /** Id of this job's history: kept through restores, new on a fresh start. 16 hex digits. */
  readonly lineage: string
  /** The checkpoint that the attempt starts from, or `undefined` on a fresh start. */
  readonly restoredCheckpoint: number | undefined
  /** No attempt of this process has come past its sinks' `prepareTarget`: the target may hold what another run left. */
  readonly firstAttempt: boolean
  /** `--discard-newer`: remove output of this lineage that was committed after the restored checkpoint. */
  readonly discardNewer: boolean
  /** What is prepared but perhaps not committed in the restored checkpoint; must be left in place. */
  readonly pending: readonly PlainValue[]
  /** The writer states in the restored checkpoint; what they refer to must be left in place. */
  readonly writerStates: readonly PlainValue[]
  /** Says something to the user: what was removed, what was found. */
  report(message: string): void
}

/** What a writer may ask and do. */
export interface SinkWriterContext {
  readonly files: FileSystem
  readonly lineage: string
  readonly jobName: string
  readonly uid: string
  readonly subtask: number
  readonly parallelism: number
  /** Attempt number of the job in this process, from 0; with the lineage and the epoch it makes names unique. */
  readonly attempt: number
  /** The first checkpoint that can contain what is written now: restored checkpoint + 1. */
  readonly firstEpoch: number
  /** Random hex digits, unique to this writer of this attempt. */
  readonly nonce: string
  now(): number
  count(metric: string, increment: number): void
  /** Writes one line where the user sees it; absent in hosts that show nothing. */
  print?(line: string): void
}

/** What a committer may ask and do. */
export interface SinkCommitterContext {
  readonly files: FileSystem
  readonly uid: string
  report(message: string): void
  /**
   * Hands values to the caller of the job in the same process, under `JobResult.collected[channel]`. `id` names the
   * delivery: one that was delivered before changes nothing. Absent in hosts that have no caller.
   */
  deliver?(channel: string, id: string, values: readonly unknown[]): void
}

/** One subtask's writer; `S` is its own state, `C` what it leaves to the committer. */
export interface SinkWriter<T, S extends PlainValue = PlainValue, C extends PlainValue = PlainValue> {
  /**
   * Takes a batch. While the returned promise is open the task waits and nothing else of the writer is called.
   * A property in the type, so that the compiler refuses a sink of other records; a method implements it.
   */
  readonly write: (records: readonly T[], timestamps: readonly number[]) => void | Promise<void>
  /**
   * At a barrier: everything written so far must be able to survive a crash when the promise resolves. What is
   * returned goes into checkpoint `checkpointId`. When that checkpoint is aborted nothing is called: its committables
   * stay with the engine and are committed with a later one.
   */
  prepare(checkpointId: number, reason: PrepareReason): Promise<PreparedOutput<S, C>>
  /** Ends the writer; without a preceding `prepare` everything unprepared is thrown away. */
  close(): Promise<void>
}

/** `end`: the input has ended and this is the last preparation; nothing may stay open. */
export type PrepareReason = 'checkpoint' | 'savepoint' | 'end'

/** What one preparation puts into the checkpoint. */
export interface PreparedOutput<S, C> {
  readonly states: readonly S[]
  readonly committables: readonly C[]
}

/** Makes prepared output visible; one per sink, in the coordinator. */
export interface SinkCommitter<C extends PlainValue = PlainValue> {
  /** Makes prepared output visible, durably. Idempotent; already committed is success, lost is `SINK_DATA_LOSS`. */
  commit(committables: readonly C[]): Promise<void>
  close(): Promise<void>
}
