/**
 * Millrace's side as a process: `run-job.ts <file of the job> [key=value ...]`. Configuration keys have a dot in them and go to
 * the engine, `seconds` stops the job after so long and watches its channels meanwhile, everything else is a parameter of
 * the job.
 */
import process from 'node:process'
import { runBenchmarkJob } from './job-run.ts'
import { cpuSecondsOfProcess, printMeasured } from './measured-process.ts'

const [file = '', ...rest] = process.argv.slice(2)
const pairs = rest.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] as const)
const seconds = pairs.find(([key]) => key === 'seconds')?.[1]
let setupCpuSeconds = 0
let setupWallSeconds = 0
const { digest, queuedBytesMax, checkpoints } = await runBenchmarkJob(file, {
  params: Object.fromEntries(pairs.filter(([key]) => !key.includes('.'))),
  configuration: Object.fromEntries(pairs.filter(([key]) => key.includes('.'))),
  ...(seconds === undefined ? {} : { secondsMax: Number(seconds) }),
  onRunning: () => {
    setupCpuSeconds = cpuSecondsOfProcess()
    setupWallSeconds = performance.now() / 1_000
  },
})
printMeasured(digest, {
  setupCpuSeconds,
  setupWallSeconds,
  checkpoints,
  ...(queuedBytesMax === undefined ? {} : { queuedBytesMax }),
})
