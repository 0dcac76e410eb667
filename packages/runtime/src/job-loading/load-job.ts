/** Imports a bundle made by `bundleJob` and takes the job that it exports; in the coordinator and in every slot. */
import { pathToFileURL } from 'node:url'
import { type ErrorDetails, isJobDefinition, type JobDefinition, MillraceError } from '@millrace/api'

/**
 * Throws `JOB_NOT_FOUND` when the module's default export is no job, `JOB_BUNDLE_FAILED` when a package that it
 * imports is missing, and `JOB_BUILD_FAILED` around any other error that its top level throws.
 * `jobFile` is what the bundle was made of, for messages: users do not know bundles.
 */
export async function loadJob(bundlePath: string, jobFile?: string): Promise<JobDefinition> {
  const file = jobFile === undefined ? 'The job file' : `"${jobFile}"`
  const place = jobFile === undefined ? { bundle: bundlePath } : { file: jobFile }
  const module = await importBundle(bundlePath, file, place)
  if (isJobDefinition(module.default)) return module.default
  const names = Object.keys(module).filter((name) => name !== 'default')
  const misplaced = names.find((name) => isJobDefinition(module[name]))
  const what = 'default' in module ? 'a default export that is no job' : 'no default export'
  throw new MillraceError('JOB_NOT_FOUND', `${file} has ${what}`, {
    details: { ...place, exports: names.length === 0 ? 'nothing' : names.join(', ') },
    hint:
      misplaced === undefined
        ? 'End the job file in: export default defineJob({ name, params, build }).'
        : `"${misplaced}" is a job: make it the default export.`,
  })
}

async function importBundle(
  bundlePath: string,
  file: string,
  place: ErrorDetails,
): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(bundlePath).href)) as Readonly<Record<string, unknown>>
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause
    const missing = missingPackage(cause)
    if (missing !== undefined) {
      throw new MillraceError('JOB_BUNDLE_FAILED', `${file} imports "${missing}", which is not installed`, {
        details: { ...place, package: missing },
        hint: `Install it beside the job: npm i ${missing}`,
        cause,
      })
    }
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('JOB_BUILD_FAILED', `${file} failed while it was loaded: ${message}`, {
      details: place,
      cause,
    })
  }
}

/** The name of the package whose absence made an import fail. */
function missingPackage(error: unknown): string | undefined {
  if ((error as { readonly code?: unknown } | null)?.code !== 'ERR_MODULE_NOT_FOUND') return undefined
  return /^Cannot find package '([^']+)'/.exec((error as Error).message)?.[1]
}
