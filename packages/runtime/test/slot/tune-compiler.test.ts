import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const module = new URL('../../src/slot/tune-compiler.ts', import.meta.url).href

/** How many of twelve functions V8 takes into the one that calls them all, as it tells by itself. */
function inlinedFunctions(before: string): number {
  const bodies = Array.from({ length: 12 }, (_, i) => {
    const steps = Array.from({ length: 24 }, (_, j) => `x = (x * ${i + j + 3} + ${j}) | 0`).join('\n')
    return `function step${i}(x) {\n${steps}\nreturn x\n}`
  })
  const program = `
    ${before}
    ${bodies.join('\n')}
    function outer(n) {
      let x = 1
      for (let at = 0; at < n; at++) { ${bodies.map((_, i) => `x = step${i}(x)`).join('; ')} }
      return x
    }
    for (let round = 0; round < 200; round++) outer(2_000)
  `
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--trace-turbo-inlining', '--input-type=module', '--eval', program],
    { encoding: 'utf8', cwd: fileURLToPath(new URL('.', import.meta.url)) },
  )
  assert.equal(status, 0, stderr)
  assert.equal(stderr, '')
  return new Set(stdout.match(/Inlining .*step\d+/g)?.map((line) => /step\d+/.exec(line)?.[0])).size
}

describe('tuneCompiler', () => {
  it('lets more functions be inlined into one than V8 does by itself', () => {
    const byItself = inlinedFunctions('')
    const tuned = inlinedFunctions(`const { tuneCompiler } = await import(${JSON.stringify(module)}); tuneCompiler()`)
    assert.ok(byItself > 0, 'V8 tells what it inlines')
    assert.ok(tuned > byItself, `${tuned} functions instead of ${byItself}`)
  })
})
