// node run.mjs [--heap 4g] <arguments of the main class, see README.md>: builds the Flink peer when needed and runs it once.
import { spawnSync } from 'node:child_process'
import process from 'node:process'
// biome-ignore lint/correctness/useImportExtensions: build.d.mts has its types only
import { flinkCommand } from './build.mjs'

const words = process.argv.slice(2)
const heap = words[0] === '--heap' ? words.splice(0, 2)[1] : undefined
const { command, args } = flinkCommand({ heap })
process.exitCode = spawnSync(command, [...args, ...words], { stdio: 'inherit' }).status ?? 1
