import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { MillraceError } from '@millrace/api'
import { bundleJob } from '../../src/job-loading/bundle-job.ts'
import { loadJob } from '../../src/job-loading/load-job.ts'

// Below the package, so that bare imports of the jobs resolve as in a user's project.
let folder = ''
before(async () => {
  folder = await mkdtemp(join(import.meta.dirname, 'jobs-'))
})
after(() => rm(folder, { recursive: true, force: true }))

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  return path
}

const job = (name: string, more = '') =>
  `import { defineJob } from '@millrace/api'\n${more}\nexport default defineJob({ name: ${name}, build() {} })\n`

const failsWith = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof MillraceError && error.code === code && message.test(error.message)

test('a TypeScript job with local imports, JSON and an enum is bundled beside it and loads', async () => {
  await write('a/names.ts', `export enum Name { Hot = 'hot' }\nexport const suffix: string = 'items'\n`)
  await write('a/version.json', '{ "major": 7 }')
  const path = await write(
    'a/job.ts',
    job(
      '[Name.Hot, suffix, version.major].join("-")',
      `import { Name, suffix } from './names.ts'\nimport version from './version.json' with { type: 'json' }`,
    ),
  )
  const bundle = await bundleJob(path)
  assert.equal(bundle.bundlePath, join(folder, 'a', '.millrace', 'bundles', bundle.hash, 'job.mjs'))
  assert.match(bundle.hash, /^[0-9a-f]{32}$/)
  assert.equal((await loadJob(bundle.bundlePath)).name, 'hot-items-7')
})

test('the same job gives the same bundle, another one beside it', async () => {
  const path = await write('b/job.ts', job(`'one'`))
  const first = await bundleJob(path)
  assert.deepEqual(await bundleJob(path), first)
  await write('b/job.ts', job(`'two'`))
  const second = await bundleJob(path)
  assert.notEqual(second.hash, first.hash)
  assert.deepEqual((await readdir(join(folder, 'b/.millrace/bundles'))).sort(), [first.hash, second.hash].sort())
  assert.equal((await loadJob(first.bundlePath)).name, 'one')
})

test('a damaged bundle is written again', async () => {
  const path = await write('damaged/job.ts', job(`'whole'`))
  const { bundlePath } = await bundleJob(path)
  await writeFile(bundlePath, 'half a bun')
  await bundleJob(path)
  assert.equal((await loadJob(bundlePath)).name, 'whole')
})

test('the source map leads back to the source, and no path of the machine is in the bundle', async () => {
  const path = await write('c/job.ts', job(`'mapped'`))
  const text = await readFile((await bundleJob(path)).bundlePath, 'utf8')
  const map = JSON.parse(
    Buffer.from(
      /sourceMappingURL=data:application\/json;charset=utf-8;base64,(\S+)/.exec(text)?.[1] ?? '',
      'base64',
    ).toString(),
  ) as { sources: string[] }
  assert.deepEqual(map.sources, ['../../../job.ts'])
  assert.ok(!text.includes(folder) && !JSON.stringify(map).includes(folder))
})

test('import.meta names the source file, not the bundle', async () => {
  await write('d/lib/here.ts', `export const here = import.meta.dirname\nexport const url = import.meta.url\n`)
  const path = await write(
    'd/job.ts',
    `import { defineJob } from '@millrace/api'
     import { here, url } from './lib/here.ts'
     export const seen = [import.meta.filename, here, url]
     export default defineJob({ name: 'meta', build() {} })`,
  )
  const { bundlePath } = await bundleJob(path)
  const { seen } = (await import(bundlePath)) as { seen: string[] }
  assert.deepEqual(seen, [path, join(folder, 'd/lib'), `file://${join(folder, 'd/lib/here.ts')}`])
})

test('a missing job file', async () => {
  await assert.rejects(bundleJob(join(folder, 'nowhere.ts')), failsWith('JOB_NOT_FOUND', /no file .*nowhere\.ts/))
  await assert.rejects(bundleJob(folder), failsWith('JOB_NOT_FOUND', /is no file/))
})

test('a syntax error is shown with file, line and column', async () => {
  const path = await write('e/job.ts', 'const a = 1\nconst b = = 2\n')
  await assert.rejects(bundleJob(path), (error: MillraceError) => {
    assert.equal(error.code, 'JOB_BUNDLE_FAILED')
    assert.match(error.message, /job\.ts:2:11: Unexpected token\n {4}const b = = 2\n {4} {10}\^/)
    assert.deepEqual(error.details, { file: path, line: 2, column: 11 })
    return true
  })
})

test('an import that leads nowhere is shown where it stands', async () => {
  const path = await write('f/job.ts', `import './lib.ts'\n`)
  await write('f/lib.ts', `\nimport { x } from './gone.ts'\nconsole.log(x)\n`)
  await assert.rejects(
    bundleJob(path),
    failsWith('JOB_BUNDLE_FAILED', /lib\.ts:2:19: Could not resolve '\.\/gone\.ts'/),
  )
})

const unloadable: { name: string; text: string; code: string; message: RegExp }[] = [
  { name: 'no default export', text: 'export const a = 1', code: 'JOB_NOT_FOUND', message: /no default export/ },
  { name: 'another default', text: 'export default { name: 1 }', code: 'JOB_NOT_FOUND', message: /that is no job/ },
  {
    name: 'a missing package',
    text: `import 'no-such-package-for-millrace'`,
    code: 'JOB_BUNDLE_FAILED',
    message: /imports "no-such-package-for-millrace", which is not installed/,
  },
  { name: 'a throwing top level', text: `throw new Error('boom')`, code: 'JOB_BUILD_FAILED', message: /boom/ },
]

for (const [index, { name, text, code, message }] of unloadable.entries()) {
  test(`not loaded: ${name}`, async () => {
    const { bundlePath } = await bundleJob(await write(`unloadable-${index}/job.ts`, text))
    await assert.rejects(loadJob(bundlePath), failsWith(code, message))
    await assert.rejects(loadJob(bundlePath, 'mine.ts'), (error: MillraceError) => {
      assert.match(error.message, /^"mine\.ts" /)
      assert.deepEqual([error.details.file, error.details.bundle], ['mine.ts', undefined])
      return true
    })
  })
}

test('a job under another name is pointed at', async () => {
  const path = await write('g/job.ts', job(`'named'`).replace('export default', 'export const job ='))
  const { bundlePath } = await bundleJob(path)
  await assert.rejects(loadJob(bundlePath), (error: MillraceError) => /"job" is a job/.test(error.hint ?? ''))
})
