/**
 * The loops' side as a process: `run-loop.ts <loop | loop-typed | generator> <shape | -> [key=value ...]`; `-` with `generator` stands for the
 * events of the queries.
 */
import process from 'node:process'
import { RowDigest } from '../../digest/row-digest.ts'
import { cpuSecondsOfProcess, printMeasured } from '../../measured-process.ts'
import { generateAlone } from './generator-alone.ts'
import { LOOPS } from './loop.ts'

const [variant = '', shape = '', ...rest] = process.argv.slice(2)
const params = Object.fromEntries(rest.map((text) => text.split('=', 2) as [string, string]))
const setupCpuSeconds = cpuSecondsOfProcess()
if (variant === 'generator') {
  generateAlone(shape === '-' ? undefined : shape, params)
  printMeasured(new RowDigest(), { setupCpuSeconds })
} else {
  const loop = LOOPS[shape]?.[variant]
  if (loop === undefined) throw new RangeError(`There is no ${variant} for ${shape}`)
  printMeasured(loop(params), { setupCpuSeconds })
}
