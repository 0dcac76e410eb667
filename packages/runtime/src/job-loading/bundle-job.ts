/**
 * Makes one module of a job file and the local files that it imports. The bundle lies beside the job file, in
 * `.millrace/bundles/<hash>/job.mjs`: bare imports stay imports and resolve as they would from the job file itself. Coordinator
 * and slots load the same bundle, so that an edit of the job file while the job runs changes nothing for it.
 *
 * Bundles are named by their content and never changed; the folder may be deleted while no job of it runs.
 */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { MillraceError } from '@millrace/api'
import { type BundleError, type Plugin, type RolldownError, rolldown } from 'rolldown'

export interface BundledJob {
  /** Absolute path of the job file. */
  readonly jobFile: string
  /** Absolute path of the bundle; what `loadJob` takes. */
  readonly bundlePath: string
  /** Of the bundle's text, 32 hex digits. */
  readonly hash: string
}

const HASH_DIGITS = 32

/** Throws `JOB_NOT_FOUND` without a job file and `JOB_BUNDLE_FAILED` for one that cannot be bundled, naming the line. */
export async function bundleJob(jobFile: string): Promise<BundledJob> {
  const path = resolve(jobFile)
  await requireFile(path)
  const folder = dirname(path)
  const bundles = join(folder, '.millrace', 'bundles')
  // Source map and imports are relative to the bundle, whose place depends on its content only by a name of fixed length.
  const code = await compile(path, join(bundles, '0'.repeat(HASH_DIGITS), 'job.mjs'))
  const hash = createHash('sha256').update(code).digest('hex').slice(0, HASH_DIGITS)
  const bundlePath = join(bundles, hash, 'job.mjs')
  await store(bundlePath, code, path)
  return { jobFile: path, bundlePath, hash }
}

async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() === true) return
  throw new MillraceError('JOB_NOT_FOUND', found === undefined ? `There is no file ${path}` : `${path} is no file`, {
    details: { file: path },
    hint: 'Give the path of a TypeScript or JavaScript file whose default export is defineJob({…}).',
  })
}

async function compile(path: string, outfile: string): Promise<Buffer> {
  const folder = dirname(path)
  try {
    const bundler = await rolldown({
      input: path,
      cwd: folder,
      platform: 'node',
      // Bare imports stay imports; what was resolved to a file already is a local one.
      external: (id, _importer, isResolved) => !isResolved && !id.startsWith('.') && !isAbsolute(id),
      treeshake: false,
      // A bundle depends on the job's files only, not on what lies around them.
      tsconfig: false,
      logLevel: 'silent',
      transform: {
        target: 'node24',
        define: {
          'import.meta.url': `${OWN_META}.url`,
          'import.meta.filename': `${OWN_META}.filename`,
          'import.meta.dirname': `${OWN_META}.dirname`,
        },
      },
      plugins: [keepImportMeta(dirname(outfile))],
    })
    try {
      const { output } = await bundler.generate({
        format: 'esm',
        sourcemap: 'inline',
        codeSplitting: false,
        file: outfile,
      })
      return Buffer.from(output[0].code)
    } finally {
      await bundler.close()
    }
  } catch (error) {
    throw isBundleError(error) ? bundleError(path, error) : error
  }
}

const OWN_META = '__millraceImportMeta'
const HAS_META = /\bimport\s*\.\s*meta\s*\.\s*(?:url|filename|dirname)\b/

/** `import.meta.url` and its kin go on naming the source file, not the bundle; so a job finds the files beside it. */
function keepImportMeta(bundleFolder: string): Plugin {
  return {
    name: 'millrace-import-meta',
    async load(path) {
      if (!/\.[cm]?[jt]sx?$/.test(path)) return null
      const text = await readFile(path, 'utf8')
      if (!HAS_META.test(text) || text.startsWith('#!')) return null
      const source = JSON.stringify(relative(bundleFolder, path).split(sep).join('/'))
      // On the first line, so that line numbers stay. `resolve` is the bundle's own; no path of this machine gets in.
      const meta =
        `const ${OWN_META} = { url: import.meta.resolve(${source}), ` +
        `get filename() { return process.getBuiltinModule('node:url').fileURLToPath(this.url) }, ` +
        `get dirname() { return process.getBuiltinModule('node:path').dirname(this.filename) } };`
      return meta + text
    },
  }
}

async function store(bundlePath: string, code: Buffer, jobFile: string): Promise<void> {
  try {
    const present = await readFile(bundlePath).catch(() => undefined)
    if (present?.equals(code)) return
    const temporary = `${bundlePath}.${randomUUID()}.tmp`
    await mkdir(dirname(bundlePath), { recursive: true })
    try {
      await writeFile(temporary, code)
      await rename(temporary, bundlePath)
    } finally {
      await rm(temporary, { force: true })
    }
  } catch (cause) {
    throw new MillraceError('JOB_BUNDLE_FAILED', `The bundle of ${jobFile} could not be written to ${bundlePath}`, {
      details: { file: jobFile, bundle: bundlePath },
      hint: 'The folder of the job file must be writable.',
      cause,
    })
  }
}

function isBundleError(error: unknown): error is BundleError {
  return error instanceof Error && Array.isArray((error as Partial<BundleError>).errors)
}

function bundleError(path: string, { errors = [] }: BundleError): MillraceError {
  const folder = dirname(path)
  const place = errors[0]?.loc
  const lines = errors.flatMap((error) => describe(error, folder))
  return new MillraceError('JOB_BUNDLE_FAILED', `${basename(path)} cannot be bundled\n${lines.join('\n')}`, {
    details: {
      file: place?.file ?? path,
      ...(place === undefined ? {} : { line: place.line, column: place.column + 1 }),
    },
    hint: 'Correct the line shown; imports of local files are written with their ending.',
  })
}

/** `file:line:column: what`, then the line with a mark under the place. */
function describe({ message, loc, frame = '' }: RolldownError, folder: string): readonly string[] {
  // "[CODE] what happened", then a drawing.
  const what = (message.split('\n')[0] ?? '').replace(/^\[\w+\] /, '')
  if (loc?.file === undefined) return [what]
  const file = relative(folder, loc.file)
  const prefix = `${loc.line}: `
  const line = frame.split('\n').find((each) => each.startsWith(prefix))
  const shown = line === undefined ? [] : [`    ${line.slice(prefix.length)}`, `    ${' '.repeat(loc.column)}^`]
  return [`${file}:${loc.line}:${loc.column + 1}: ${what}`, ...shown]
}
