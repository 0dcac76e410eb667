// npm run build: compiles every package into its dist folder, in dependency order and from nothing.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { packageDirs, runTool, setup } from './toolchain.mjs'

export async function build() {
  const node = await setup()
  for (const dir of packageDirs()) rmSync(join(dir, 'dist'), { recursive: true, force: true })
  return runTool(node, 'typescript', 'tsc', ['-b', 'tsconfig.build.json'])
}

if (process.argv[1] === import.meta.filename) process.exitCode = await build()
