/** A latency run as a process: `run-latency.ts <settings as JSON>` prints a line. */
import process from 'node:process'
import { costOfProcess } from '../measured-process.ts'
import { type LatencyRunSettings, runLatencyJob } from './latency-run.ts'

const settings = JSON.parse(process.argv[2] ?? '') as LatencyRunSettings
console.log(JSON.stringify({ ...(await runLatencyJob(settings)), ...costOfProcess() }))
