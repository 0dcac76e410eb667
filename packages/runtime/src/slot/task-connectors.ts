/** The ends of a job within a task: the driver that reads a source's splits, and a sink's writer and committer. */
import { MillraceError, type ReaderContext, type SinkCommitter } from '@millrace/api'
import type { FusedStep, OperatorOutput, PlanStep } from '@millrace/core'
import { PendingCommits } from '../task/pending-commits.ts'
import { SinkOperator } from '../task/sink-operator.ts'
import { SourceDriver, type SourceTarget, type SplitEntry, WATERMARK_EVERY_RECORDS } from '../task/source-driver.ts'
import type { TaskSink } from '../task/task-options.ts'
import { type NewTask, nodeOf, type TaskBuilderOptions } from './task-builder-options.ts'

/** Where the records of a source go. */
export interface SourceOutlet {
  /** The maps and filters that follow it at once. */
  readonly steps: readonly FusedStep[]
  readonly target: SourceTarget
  readonly deadLetters: OperatorOutput
}

/** Reads the splits of a source's subtask. */
export function createSourceDriver(
  options: TaskBuilderOptions,
  { vertex, deployment, metrics, events }: NewTask,
  { steps, target, deadLetters }: SourceOutlet,
): SourceDriver {
  const step = vertex.steps[0] as PlanStep
  const node = nodeOf(options.graph, step)
  if (node.spec.kind !== 'source') throw new MillraceError('INTERNAL', `${vertex.name} does not begin with a source`)
  const { clock, files, sizes } = options.environment
  const context: ReaderContext = {
    files,
    now: () => clock.now(),
    delay: (ms) => new Promise((resolve) => clock.schedule(ms, resolve)),
    // What a reader passes over itself counts as what the driver passes over: the end of a run must tell it.
    count: (metric, increment) =>
      metric === 'numRecordsSkipped'
        ? metrics.add(metric, increment)
        : metrics.counter(`${step.uid}.${metric}`).add(increment),
  }
  return new SourceDriver({
    spec: node.spec,
    name: step.name,
    uid: step.uid,
    subtask: deployment.id.subtask,
    entries: (deployment.entries[step.uid] ?? []) as unknown as SplitEntry[],
    context,
    steps,
    developmentMode: options.developmentMode,
    target,
    deadLetters,
    monotonicMs: () => clock.monotonicMs(),
    watermarkEveryRecords: sizes?.watermarkEveryRecords ?? WATERMARK_EVERY_RECORDS,
    wake: () => events.wake(),
    onRejected: () => metrics.add('numRecordsSkipped', 1),
  })
}

/** Opens writer and committer of the sink at the end of a task; `undefined`: there is none. */
export async function openSink(
  { environment, deployment: slot, graph }: TaskBuilderOptions,
  { vertex, deployment, name, metrics, events }: NewTask,
): Promise<TaskSink | undefined> {
  const step = vertex.steps.at(-1) as PlanStep
  const node = nodeOf(graph, step)
  if (node.spec.kind !== 'sink') return undefined
  const { sink } = node.spec
  const { files, clock, random } = environment
  const writer = await sink.openWriter(
    {
      files,
      lineage: slot.lineage,
      jobName: slot.jobName,
      uid: step.uid,
      subtask: deployment.id.subtask,
      parallelism: vertex.parallelism,
      attempt: slot.attempt,
      firstEpoch: slot.firstEpoch,
      nonce: random.hex(8),
      now: () => clock.now(),
      count: (metric, increment) => metrics.counter(`${step.uid}.${metric}`).add(increment),
      print: (line) => environment.post({ type: 'printed', line }),
    },
    deployment.entries[step.uid] ?? [],
  )
  const committer: SinkCommitter | undefined = await sink.openCommitter?.({
    files,
    uid: step.uid,
    report: (message) => environment.post({ type: 'report', task: deployment.id, message }),
    deliver: (channel, id, values) => environment.post({ type: 'collected', channel, id, values }),
  })
  const commits = new PendingCommits(
    committer,
    step.name,
    (id) => events.onCommitted(id),
    (error) => events.onFailed(error),
  )
  const operator = new SinkOperator(
    sink,
    writer,
    name,
    () => events.wake(),
    (error) => events.onFailed(error),
  )
  return { uid: step.uid, operator, commits }
}
