/**
 * A process that runs the job `growing-state`: V8 may end it. Its arguments are the parameters and further
 * configuration as JSON; it prints the outcome as one line of JSON.
 */
import process from 'node:process'
import { runMemoryJob } from './run-memory-job.ts'

const warnings: string[] = []
const outcome = await runMemoryJob({
  job: 'growing-state',
  params: JSON.parse(process.argv[2] ?? '{}'),
  configuration: {
    'taskmanager.memory.task.heap.size': '48 mb',
    'execution.checkpointing.interval': '0',
    ...JSON.parse(process.argv[3] ?? '{}'),
  },
  onMessage: (level, text) => {
    if (level === 'warning') warnings.push(text)
  },
})
console.log(JSON.stringify({ state: outcome.state, error: outcome.error, warnings }))
