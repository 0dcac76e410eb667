/**
 * Turns readings of counters into rates, shares and time left. It keeps a few readings of the last seconds; a new
 * attempt, whose counters begin again, begins a new history.
 */
import type { PhysicalPlan, PlanVertex } from '@millrace/core'
import type { JobReading, TaskReading } from '../run/job-runner-port.ts'
import type { InputProgress, OperatorProgress, ProgressSnapshot } from './progress-snapshot.ts'

const RATE_SPAN_MS = 5_000
/** Time left is judged over a longer span than rates, so that it does not jump. */
const HISTORY_SPAN_MS = 30_000
const READINGS_MAX = 400

export class ProgressMeter {
  readonly #plan: PhysicalPlan
  #history: JobReading[] = []

  constructor(plan: PhysicalPlan) {
    this.#plan = plan
  }

  /** Readings come in the order of their times. */
  measure(reading: JobReading): ProgressSnapshot {
    if (this.#history.at(-1)?.attempt !== reading.attempt) this.#history = []
    this.#history.push(reading)
    while (
      this.#history.length > READINGS_MAX ||
      (this.#history.length > 2 && reading.atMs - (this.#history[1] as JobReading).atMs >= HISTORY_SPAN_MS)
    ) {
      this.#history.shift()
    }
    const before = this.#before(reading.atMs - RATE_SPAN_MS)
    return {
      jobName: this.#plan.jobName,
      state: reading.state,
      attempt: reading.attempt,
      nowMs: reading.atMs,
      elapsedMs: reading.atMs - reading.startedAtMs,
      operators: this.#plan.vertices.map((vertex) => measureOperator(vertex, before, reading)),
      input: measureInput(this.#plan, this.#history, reading),
      checkpointsCompleted: reading.checkpointsCompleted,
      checkpointsFailed: reading.checkpointsFailed,
      lastCheckpoint: reading.lastCheckpoint,
      lostRecords: sumOf(
        reading.tasks,
        ({ metrics }) => metrics.numLateRecordsDropped + metrics.numRecordsSkipped + metrics.numRecordsDiscarded,
      ),
    }
  }

  /** The latest reading at or before `atMs`, else the oldest. */
  #before(atMs: number): JobReading {
    return this.#history.findLast((reading) => reading.atMs <= atMs) ?? (this.#history[0] as JobReading)
  }
}

function measureOperator(vertex: PlanVertex, before: JobReading, now: JobReading): OperatorProgress {
  const tasks = tasksOf(vertex, now)
  const earlier = new Map(tasksOf(vertex, before).map((task) => [task.subtask, task]))
  // With one reading there is only the mean since the start; of a later attempt it is not known when it began.
  const sinceMs = before !== now ? before.atMs : now.attempt === 0 ? now.startedAtMs : now.atMs
  const seconds = (now.atMs - sinceMs) / 1_000
  const recordsIn = sumOf(tasks, (task) => task.metrics.numRecordsIn)
  const recordsOut = sumOf(tasks, (task) => task.metrics.numRecordsOut)
  const perSecond = (count: number, metric: 'numRecordsIn' | 'numRecordsOut') => {
    if (seconds <= 0) return Number.NaN
    const countBefore = before === now ? 0 : sumOf([...earlier.values()], (task) => task.metrics[metric])
    return Math.max(0, count - countBefore) / seconds
  }
  const shares = tasks.map((task) => measureShares(task, earlier.get(task.subtask)))
  return {
    name: vertex.name,
    parallelism: vertex.parallelism,
    isSource: vertex.isSource,
    isSink: vertex.steps.at(-1)?.kind === 'sink',
    isFinished: tasks.length > 0 && tasks.every((task) => task.isFinished),
    recordsIn,
    recordsOut,
    recordsInPerSecond: perSecond(recordsIn, 'numRecordsIn'),
    recordsOutPerSecond: perSecond(recordsOut, 'numRecordsOut'),
    busy: Math.max(0, ...shares.map((share) => share.busy)),
    backPressured: Math.max(0, ...shares.map((share) => share.backPressured)),
    watermarkMs: watermarkOf(vertex, tasks),
  }
}

/** Shares of the time since the earlier reading; the four times of a task add up to it. */
function measureShares(now: TaskReading, before: TaskReading | undefined): { busy: number; backPressured: number } {
  if (now.isFinished) return { busy: 0, backPressured: 0 }
  const spent = (metric: 'busyTimeMs' | 'idleTimeMs' | 'backPressuredTimeMs' | 'runnableTimeMs') =>
    Math.max(0, now.metrics[metric] - (before === undefined || before === now ? 0 : before.metrics[metric]))
  const busy = spent('busyTimeMs')
  const backPressured = spent('backPressuredTimeMs')
  const whole = busy + backPressured + spent('idleTimeMs') + spent('runnableTimeMs')
  return whole <= 0 ? { busy: 0, backPressured: 0 } : { busy: busy / whole, backPressured: backPressured / whole }
}

/** The lowest of the subtasks still running; a finished one holds nothing back. */
function watermarkOf(vertex: PlanVertex, tasks: readonly TaskReading[]): number {
  if (tasks.length === 0) return Number.NEGATIVE_INFINITY
  const metric = vertex.isSource ? 'currentOutputWatermark' : 'currentInputWatermark'
  return Math.min(
    ...tasks.map((task) => (task.isFinished ? Number.POSITIVE_INFINITY : task.metrics[metric])),
    Number.POSITIVE_INFINITY,
  )
}

function measureInput(plan: PhysicalPlan, history: readonly JobReading[], now: JobReading): InputProgress | undefined {
  const ratio = inputRatio(plan, now)
  if (ratio === undefined) return undefined
  // A source that goes on from a checkpoint stands at 0 until it has opened its position; the leap there is no speed.
  const first = history.find((reading) => (inputRatio(plan, reading) ?? 0) > 0) ?? now
  const read = ratio - (inputRatio(plan, first) ?? 0)
  const speed = now.atMs > first.atMs ? read / (now.atMs - first.atMs) : 0
  return { ratio, leftMs: ratio >= 1 ? 0 : speed > 0 ? Math.round((1 - ratio) / speed) : undefined }
}

function inputRatio(plan: PhysicalPlan, reading: JobReading): number | undefined {
  const sources = plan.vertices.filter((vertex) => vertex.isSource)
  const allBounded = sources.every((vertex) => vertex.steps[0]?.facts.boundedness === 'bounded')
  if (!allBounded || reading.tasks.length === 0) return undefined
  // Units differ between sources, so each counts the same.
  const ratios = sources.map((vertex) => sourceRatio(tasksOf(vertex, reading)))
  return ratios.some((ratio) => ratio === undefined) ? undefined : meanOf(ratios as number[])
}

function sourceRatio(tasks: readonly TaskReading[]): number | undefined {
  if (tasks.length === 0) return undefined
  if (tasks.every((task) => task.isFinished)) return 1
  // A finished subtask without a total had no split.
  const counted = tasks.filter((task) => !task.isFinished || !Number.isNaN(task.metrics.sourceProgressTotal))
  const total = sumOf(counted, (task) => task.metrics.sourceProgressTotal)
  if (!(total > 0)) return undefined
  return Math.min(1, Math.max(0, sumOf(counted, (task) => task.metrics.sourceProgressAmount) / total))
}

function tasksOf(vertex: PlanVertex, reading: JobReading): readonly TaskReading[] {
  return reading.tasks.filter((task) => task.vertex === vertex.id)
}

function sumOf(tasks: readonly TaskReading[], figure: (task: TaskReading) => number): number {
  return tasks.reduce((sum, task) => sum + figure(task), 0)
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
