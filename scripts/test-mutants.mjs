// npm run test:mutants [-- part of a name ...]: plants known faults in a copy of the engine and shows that the suites find
// each. Apart from npm test since it takes long; the faults are in packages/testing/mutants.
import process from 'node:process'
import { run, setup, sourceFlags } from './toolchain.mjs'

const node = await setup()
process.exitCode = await run(node, [
  ...sourceFlags,
  'packages/testing/mutants/run-mutants.ts',
  ...process.argv.slice(2),
])
