/** The execution of one attempt, by what its coordinator was given. */
import type { CheckpointId } from '@millrace/core'
import type { CoordinatorOptions } from './coordinator-ports.ts'
import { Execution, type ExecutionEvents } from './execution.ts'

export interface ExecutionFacts {
  readonly attempt: number
  readonly firstEpoch: CheckpointId
  readonly events: ExecutionEvents
}

export function createExecution(options: CoordinatorOptions, facts: ExecutionFacts): Execution {
  const { plan, lineage, checkpointFolder, config, clock, launcher } = options
  return new Execution({
    ...facts,
    plan,
    jobName: plan.jobName,
    lineage,
    checkpointFolder,
    config: config.given,
    network: config.network,
    encodeAlways: config.encodeAlways,
    heartbeatTimeoutMs: config.heartbeatTimeoutMs,
    terminationTimeoutMs: config.terminationTimeoutMs,
    clock,
    launcher,
  })
}
