import { runMemoryJob } from './run-memory-job.ts'
setTimeout(() => process.exit(0), 25000).unref()
const t0 = performance.now()
const o = await runMemoryJob({ job: 'growing-state', params: { growth: 'growing values' }, configuration: { 'taskmanager.memory.task.heap.size': '48 mb', 'execution.checkpointing.interval': '0' }, watch: (j) => { const t = j.reading()?.tasks ?? []; if (Math.random() < 0.02) console.log(Math.round(performance.now() - t0), t.map((x) => `${x.metrics?.numRecordsIn} turns ${x.metrics?.numTurns} busy ${Math.round(x.metrics?.busyTimeMs ?? 0)}`).join(' | ')) } })
console.log(o.error?.message, o.error?.cause?.message)
