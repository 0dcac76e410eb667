// node scripts/run.mjs file.ts [arg ...]: runs a TypeScript file on the engine's Node, from source, after the set-up.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import process from 'node:process'
import { root, run, setup, sourceFlags } from './toolchain.mjs'

const [file, ...args] = process.argv.slice(2)
if (file === undefined || !existsSync(resolve(root, file))) {
  console.error(file === undefined ? 'usage: node scripts/run.mjs file.ts [arg ...]' : `There is no ${file}`)
  process.exit(2)
}
const node = await setup()
process.exitCode = await run(node, [...sourceFlags, resolve(root, file), ...args], { cwd: process.cwd() })
