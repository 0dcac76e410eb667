/**
 * A process that runs the job `large-state` on the segment store, every checkpoint a full one, and watches its own memory. Its
 * arguments are the parameters as JSON; it prints the outcome as one line of JSON.
 */
import process from 'node:process'
import { runMemoryJob } from './run-memory-job.ts'

let rssMostBytes = 0
const outcome = await runMemoryJob({
  job: 'large-state',
  params: JSON.parse(process.argv[2] ?? '{}'),
  configuration: {
    'state.backend.type': 'segments',
    'taskmanager.memory.task.heap.size': '72 mb',
    'taskmanager.memory.managed.size': '4 mb',
    'execution.checkpointing.interval': '1 s',
    'execution.checkpointing.incremental': 'false',
  },
  watch: () => {
    rssMostBytes = Math.max(rssMostBytes, process.memoryUsage.rss())
  },
})
const { counts, summary } = outcome.reading?.statistics ?? {}
console.log(
  JSON.stringify({
    state: outcome.state,
    error: outcome.error,
    rssMostBytes,
    completed: counts?.completed ?? 0,
    largestBytes: summary?.checkpointedBytes.max ?? 0,
  }),
)
