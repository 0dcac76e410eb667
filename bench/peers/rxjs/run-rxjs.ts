/** RxJS's side as a process: `run-rxjs.ts <shape> [key=value ...]`. */
import process from 'node:process'
import { cpuSecondsOfProcess, printMeasured } from '../../measured-process.ts'
import { RXJS_PIPELINES } from './pipeline.ts'

const [shape = '', ...rest] = process.argv.slice(2)
const pipeline = RXJS_PIPELINES[shape]
if (pipeline === undefined) throw new RangeError(`There is no pipeline for ${shape}`)
const setupCpuSeconds = cpuSecondsOfProcess()
printMeasured(pipeline(Object.fromEntries(rest.map((text) => text.split('=', 2) as [string, string]))), {
  setupCpuSeconds,
})
