/**
 * Makes one module of a job file and the local files that it imports. The bundle lies beside the job file, in
 * `.millrace/bundles/<hash>/job.mjs`: bare imports stay imports and resolve as they would from the job file itself. Coordinator
 * and slots load the same bundle, so that an edit of the job file while the job runs changes nothing for it.
 *
 * Bundles are named by their content and never changed; the folder may be deleted while no job of it runs.
 */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { MillraceError } from '@millrace/api'
import { type BuildFailure, build, type Message, type Plugin } from 'esbuild'

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

async function compile(path: string, outfile: string): Promise<Uint8Array> {
  const folder = dirname(path)
  try {
    const result = await build({
      entryPoints: [path],
      absWorkingDir: folder,
      outfile,
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      packages: 'external',
      sourcemap: 'inline',
      charset: 'utf8',
      logLevel: 'silent',
      define: {
        'import.meta.url': `${OWN_META}.url`,
        'import.meta.filename': `${OWN_META}.filename`,
        'import.meta.dirname': `${OWN_META}.dirname`,
      },
      plugins: [keepImportMeta(dirname(outfile))],
    })
    const [output] = result.outputFiles
    if (output === undefined) throw new MillraceError('INTERNAL', `The bundler gave nothing for ${path}`)
    return output.contents
  } catch (error) {
    throw isBuildFailure(error) ? bundleError(path, error) : error
  }
}

const OWN_META = '__millraceImportMeta'
const HAS_META = /\bimport\s*\.\s*meta\s*\.\s*(?:url|filename|dirname)\b/

/** `import.meta.url` and its kin go on naming the source file, not the bundle; so a job finds the files beside it. */
function keepImportMeta(bundleFolder: string): Plugin {
  return {
    name: 'millrace-import-meta',
    setup(bundler) {
      bundler.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8')
        if (!HAS_META.test(text) || text.startsWith('#!')) return undefined
        const source = JSON.stringify(relative(bundleFolder, path).split(sep).join('/'))
        // On the first line, so that line numbers stay. `resolve` is the bundle's own; no path of this machine gets in.
        const meta =
          `const ${OWN_META} = { url: import.meta.resolve(${source}), ` +
          `get filename() { return process.getBuiltinModule('node:url').fileURLToPath(this.url) }, ` +
          `get dirname() { return process.getBuiltinModule('node:path').dirname(this.filename) } };`
        return { contents: meta + text, loader: loaderOf(path), resolveDir: dirname(path) }
      })
    },
  }
}

function loaderOf(path: string): 'ts' | 'tsx' | 'js' | 'jsx' {
  const extension = /\.[cm]?(ts|tsx|js|jsx)$/.exec(path)?.[1]
  return (extension ?? 'js') as 'ts' | 'tsx' | 'js' | 'jsx'
}

async function store(bundlePath: string, code: Uint8Array, jobFile: string): Promise<void> {
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

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors)
}

function bundleError(path: string, failure: BuildFailure): MillraceError {
  const folder = dirname(path)
  const [first] = failure.errors
  const lines = failure.errors.flatMap((error) => describe(error, folder))
  const place = first?.location
  return new MillraceError('JOB_BUNDLE_FAILED', `${basename(path)} cannot be bundled\n${lines.join('\n')}`, {
    details: {
      file: place == null ? path : resolve(folder, place.file),
      ...(place == null ? {} : { line: place.line, column: place.column + 1 }),
    },
    hint: 'Correct the line shown; imports of local files are written with their ending.',
  })
}

/** `file:line:column: what`, then the line with a mark under the place. */
function describe({ text, location }: Message, folder: string): readonly string[] {
  if (location === null) return [text]
  const file = relative(folder, resolve(folder, location.file))
  return [
    `${file}:${location.line}:${location.column + 1}: ${text}`,
    `    ${location.lineText}`,
    `    ${' '.repeat(location.column)}^`,
  ]
}
