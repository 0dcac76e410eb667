/**
 * The code in the documents: every `ts` block is type-checked, and those marked `run` are run.
 *
 * - A block without an import gets `prelude.txt` before it: all names of `millrace` and some streams to work with.
 * - ```` ```ts run [arguments] ```` is a whole job; it is run by the command with these arguments and must exit with 0,
 *   or with N when they begin with `exit=N`.
 * - ```` ```ts saved write.ts ```` is kept under that name beside the document's jobs, where other blocks import it.
 * - ```` ```sh run ````: its lines are run there by a shell, where `npx millrace` is the command and `node` the engine's Node.
 * - ```` ```csv data/readings.csv ```` (any language, a path after it) is a file in the folder of the document's jobs.
 * - ```` ```text prints ```` after such a block: lines that the run prints, each as often as here.
 * - ```` ```csv writes out ````: the lines of all part files in `out`, sorted.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { cleanEnv, type Outcome, run } from '../packaging/commands.ts'
import { type CodeBlock, codeBlocks, documents, root } from './documents.ts'

const PRELUDE = readFileSync(join(import.meta.dirname, 'prelude.txt'), 'utf8')
const COMMAND = join(root, 'packages/millrace/bin/millrace.mjs')
const blocks = documents().map((document) => ({ document, blocks: codeBlocks(document) }))

let folder: string

before(() => {
  // Inside the repository, so that imports are found; a name that every tool leaves out.
  mkdirSync(join(root, '.millrace'), { recursive: true })
  folder = mkdtempSync(join(root, '.millrace', 'documents-'))
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('code in the documents compiles', { timeout: 300_000 }, async () => {
  const places = new Map<string, CodeBlock>()
  for (const { document, blocks: own } of blocks) {
    for (const block of own.filter(({ language }) => language === 'ts')) {
      const file = `${document.replaceAll(/[/.]/g, '_')}_${block.line}.ts`
      places.set(file, block)
      const text = /^import /m.test(block.text) ? block.text : `${PRELUDE}\n// block\n${block.text}`
      writeFileSync(join(folder, file), text)
      const saved = savedName(block)
      if (saved === undefined) continue
      assert.ok(!existsSync(join(folder, saved)), `${document}:${block.line}: another document has ${saved}`)
      writeFileSync(join(folder, saved), block.text)
    }
  }
  assert.ok(places.size > 10, 'the documents have code')
  const config = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: { noEmit: true, declaration: false, sourceMap: false, inlineSources: false },
    files: [...places.keys()],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const { status, stdout } = await run(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder, '--pretty', 'false'],
    { cwd: folder, env: cleanEnv() },
  )
  const errors = stdout.replaceAll(/^([^\s(]+\.ts)\((\d+),/gm, (whole, file: string, line: string) => {
    const block = places.get(file)
    if (block === undefined) return whole
    const before = /^import /m.test(block.text) ? 0 : PRELUDE.split('\n').length + 1
    return `${block.document}(${block.line + Number(line) - before},`
  })
  assert.equal(status, 0, errors)
})

for (const { document, blocks: own } of blocks) {
  if (!own.some(isRun)) continue
  test(`jobs in ${document} run`, { timeout: 300_000 }, async (t) => {
    const jobs = join(folder, `run-${document.replaceAll(/[/.]/g, '_')}`)
    mkdirSync(jobs)
    for (const { language, note, text } of own) {
      const saved = savedName({ language, note })
      if (saved === undefined && (language === 'ts' || !/^[\w-]+\/[\w.-]+$/.test(note))) continue
      const path = join(jobs, saved ?? note)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
    let last: { readonly block: CodeBlock; readonly outcome: Outcome } | undefined
    for (const block of own) {
      if (isRun(block)) {
        last = { block, outcome: await (block.language === 'sh' ? runShell(block, jobs) : runBlock(block, jobs)) }
        t.diagnostic(`${document}:${block.line}`)
      } else if (block.note === 'prints') {
        assert.ok(last !== undefined, `${document}:${block.line}: nothing ran before`)
        checkPrinted(block, last.outcome)
      } else if (block.note.startsWith('writes ')) {
        checkWritten(block, join(jobs, block.note.slice('writes '.length)))
      }
    }
  })
}

function isRun({ language, note }: CodeBlock): boolean {
  return (language === 'ts' || language === 'sh') && /^run\b/.test(note)
}

function savedName({ language, note }: Pick<CodeBlock, 'language' | 'note'>): string | undefined {
  return language === 'ts' ? /^saved ([\w-]+\.ts)$/.exec(note)?.[1] : undefined
}

async function runShell({ document, line, text }: CodeBlock, cwd: string): Promise<Outcome> {
  const node = `"${process.execPath}" --conditions=@millrace/source`
  const functions = [`npx() { shift; "${process.execPath}" "${COMMAND}" "$@"; }`, `node() { ${node} "$@"; }`]
  const outcome = await run('sh', ['-e', '-c', [...functions, text].join('\n')], { cwd })
  assert.equal(outcome.status, 0, `${document}:${line}\n${outcome.stdout}\n${outcome.stderr}`)
  return outcome
}

async function runBlock(block: CodeBlock, cwd: string): Promise<Outcome> {
  const [, exit, text = ''] = /^run(?: exit=(\d+))?\s*(.*)$/.exec(block.note) ?? []
  const file = `job-${block.line}.ts`
  writeFileSync(join(cwd, file), block.text)
  const outcome = await run(process.execPath, [COMMAND, 'run', file, ...text.split(/\s+/).filter(Boolean)], { cwd })
  const told = `${block.document}:${block.line}\n${outcome.stdout}\n${outcome.stderr}`
  assert.equal(outcome.status, Number(exit ?? 0), told)
  return outcome
}

/** Every line of the block as often as in the output; the output may hold more. */
function checkPrinted({ document, line, text }: CodeBlock, { stdout, stderr }: Outcome): void {
  const printed = `${stdout}\n${stderr}`.split('\n')
  const times = (of: readonly string[], wanted: string): number => of.filter((each) => each === wanted).length
  const expected = text.split('\n').filter((each) => each !== '')
  for (const each of expected) {
    assert.equal(times(printed, each), times(expected, each), `${document}:${line}: ${each}\n${stdout}\n${stderr}`)
  }
}

function checkWritten({ document, line, text }: CodeBlock, output: string): void {
  const lines = readdirSync(output)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(output, name), 'utf8').split('\n'))
    .filter((each) => each !== '')
  assert.deepEqual(lines.sort(), text.split('\n').filter(Boolean).sort(), `${document}:${line}`)
}
