// npm run check [-- name ...]: the checks that need no test run. With names, only those.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { root, runTool, seconds, setup } from './toolchain.mjs'

const cruised = ['packages', 'test', 'examples', 'bench', 'demo'].filter((dir) => existsSync(join(root, dir)))

const checks = {
  typecheck: async (node) => {
    const statuses = []
    // api and core once more by themselves: without Node's types, so nothing of the platform slips in.
    for (const project of ['packages/api', 'packages/core', '.']) {
      statuses.push(await runTool(node, 'typescript', 'tsc', ['-p', project, '--noEmit']))
    }
    return Math.max(...statuses)
  },
  lint: (node) => runTool(node, '@biomejs/biome', 'biome', ['check', '--error-on-warnings']),
  deps: (node) => runTool(node, 'dependency-cruiser', 'depcruise', ['--config', '.dependency-cruiser.mjs', ...cruised]),
  knip: (node) => runTool(node, 'knip', 'knip', ['--no-progress', '--no-config-hints']),
}

export async function check(names = Object.keys(checks)) {
  const node = await setup()
  const failed = []
  for (const name of names) {
    if (!(name in checks)) throw new Error(`No check "${name}": there are ${Object.keys(checks).join(', ')}`)
    const start = performance.now()
    const status = await checks[name](node)
    console.log(`${status === 0 ? 'ok    ' : 'FAILED'}  ${name} (${seconds(start)})`)
    if (status !== 0) failed.push(name)
  }
  return failed
}

if (process.argv[1] === import.meta.filename) {
  const names = process.argv.slice(2)
  const failed = await check(names.length > 0 ? names : undefined)
  process.exitCode = failed.length > 0 ? 1 : 0
}
