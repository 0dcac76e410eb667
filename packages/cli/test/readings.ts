/** Plans and readings for tests of what shows them. */
import type { PhysicalPlan, PlanStep, PlanVertex } from '@millrace/core'
import type { JobReading, TaskFigures, TaskReading } from '../src/run/job-runner-port.ts'

export function step(kind: string, more: Partial<PlanStep> = {}): PlanStep {
  return { nodeId: 0, uid: `uid-${kind}`, uidIsDerived: false, name: kind, kind, facts: {}, states: [], ...more }
}

export function vertex(id: string, steps: readonly PlanStep[], more: Partial<PlanVertex> = {}): PlanVertex {
  return {
    id,
    name: steps.map(({ name }) => name).join(' -> '),
    parallelism: 2,
    maxParallelism: 128,
    slotSharingGroup: 'default',
    steps,
    isSource: steps[0]?.kind === 'source',
    ...more,
  }
}

/** source → (by "item") window → sink. */
export const PLAN: PhysicalPlan = {
  version: 1,
  jobName: 'hot-items',
  graphHash: 'ab'.repeat(16),
  vertices: [
    vertex('v1', [
      step('source', {
        name: 'behaviors',
        facts: {
          source: 'csv-files',
          options: { paths: ['a.csv'] },
          boundedness: 'bounded',
          replayable: true,
          watermarks: 'ascending',
        },
      }),
      step('filter'),
    ]),
    vertex('v2', [
      step('window', {
        name: 'views',
        facts: {
          key: 'item',
          window: 'sliding',
          sizeMs: 3_600_000,
          slideMs: 300_000,
          offsetMs: 0,
          allowedLatenessMs: 0,
          aggregate: '{views: count}',
          sideOutputs: ['late'],
        },
      }),
      step('sink', { name: 'out', facts: { sink: 'csv', options: { folder: '/out' }, guarantee: 'exactly-once' } }),
    ]),
  ],
  edges: [
    {
      id: 'e0',
      from: 'v1',
      fromStep: 1,
      sideOutput: undefined,
      to: 'v2',
      partitioning: { kind: 'hash', field: 'item', combines: true },
    },
  ],
  warnings: [],
}

export function figures(more: Partial<TaskFigures> = {}): TaskFigures {
  return {
    numRecordsIn: 0,
    numRecordsOut: 0,
    numLateRecordsDropped: 0,
    numRecordsSkipped: 0,
    numRecordsDiscarded: 0,
    busyTimeMs: 0,
    runnableTimeMs: 0,
    idleTimeMs: 0,
    backPressuredTimeMs: 0,
    currentInputWatermark: Number.NEGATIVE_INFINITY,
    currentOutputWatermark: Number.NEGATIVE_INFINITY,
    sourceProgressAmount: 0,
    sourceProgressTotal: Number.NaN,
    userCounters: {},
    ...more,
  }
}

export function task(
  vertexId: string,
  subtask: number,
  metrics: Partial<TaskFigures> = {},
  isFinished = false,
): TaskReading {
  return { vertex: vertexId, subtask, isFinished, metrics: figures(metrics) }
}

export function reading(more: Partial<JobReading> = {}): JobReading {
  return {
    atMs: 10_000,
    startedAtMs: 0,
    state: 'RUNNING',
    attempt: 0,
    tasks: [],
    checkpointsCompleted: 0,
    checkpointsFailed: 0,
    lastCheckpoint: undefined,
    lastRecovery: undefined,
    ...more,
  }
}
