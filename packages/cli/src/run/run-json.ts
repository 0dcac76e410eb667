/**
 * The last line of `--json`: the result of a run as an object. JSON has no infinities; they and NaN become `null`.
 */
import type { PhysicalPlan } from '@millrace/core'
import type { RunResult } from './job-runner-port.ts'
import { lostRecords, userCounts } from './lost-records.ts'
import { planOutputs } from './plan-outputs.ts'

export function runResultJson(result: RunResult, plan: PhysicalPlan): object {
  const { final } = result
  return {
    kind: 'result',
    job: plan.jobName,
    state: result.state,
    error: result.error ?? null,
    savepoint: result.savepoint ?? null,
    durationMs: final.atMs - final.startedAtMs,
    restarts: final.attempt,
    checkpointsCompleted: final.checkpointsCompleted,
    checkpointsFailed: final.checkpointsFailed,
    lastCheckpoint: result.lastCheckpoint ?? null,
    lastRecovery: final.lastRecovery ?? null,
    lost: lostRecords(plan, final),
    counted: userCounts(plan, final),
    outputs: planOutputs(plan),
    tasks: final.tasks,
  }
}
