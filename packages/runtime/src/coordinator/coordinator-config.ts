/** What the coordinator reads out of a job's configuration. */
import { restartStrategyOf, type TypedConfig } from '@millrace/core'
import type { CoordinatorConfig } from './coordinator-ports.ts'

/** `given`: the same configuration as it was written; slots parse it again. */
export function coordinatorConfigOf(config: TypedConfig, given: Readonly<Record<string, string>>): CoordinatorConfig {
  const intervalMs = config.get('execution.checkpointing.interval')
  return {
    given,
    isCheckpointing: intervalMs > 0,
    isIncremental: config.get('execution.checkpointing.incremental'),
    tracker: {
      intervalMs: intervalMs > 0 ? intervalMs : undefined,
      minPauseMs: config.get('execution.checkpointing.min-pause'),
      timeoutMs: config.get('execution.checkpointing.timeout'),
      maxConcurrent: config.get('execution.checkpointing.max-concurrent-checkpoints'),
      tolerableFailures: config.get('execution.checkpointing.tolerable-failed-checkpoints'),
    },
    retainedMax: config.get('execution.checkpointing.num-retained'),
    retention: config.get('execution.checkpointing.externalized-checkpoint-retention'),
    savepointFolder: config.get('execution.checkpointing.savepoint-dir'),
    restartStrategy: restartStrategyOf(config),
    network: {
      totalBytes: config.get('taskmanager.memory.network.max'),
      ringBytesMin: config.get('taskmanager.memory.segment-size'),
      ringBytesMax: config.get('taskmanager.memory.max-segment-size'),
    },
    encodeAlways: config.get('millrace.exchange.encode') === 'always',
    heartbeatTimeoutMs: config.get('heartbeat.timeout'),
    terminationTimeoutMs: 60_000,
  }
}
