// node run.mjs [--heap 4g] <arguments of the main class, see README.md>: builds the Jet peer when needed and runs it once.
import process from 'node:process'
// biome-ignore lint/correctness/useImportExtensions: build.d.mts has its types only
import { jetPeer } from './build.mjs'

process.exitCode = jetPeer.run(process.argv.slice(2))
