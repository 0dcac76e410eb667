/** Checks the parameters of a job by its schema; once, in the coordinator. */
import { MillraceError } from '../error/millrace-error.ts'
import type { JobDefinition } from './define-job.ts'
import type { SchemaIssue } from './standard-schema.ts'

/** The parameters as `build` takes them. Throws `PARAMS_INVALID` with one line per complaint of the schema. */
export async function parseJobParams<P>(job: JobDefinition<P>, raw: Readonly<Record<string, unknown>>): Promise<P> {
  if (job.params === undefined) return raw as P
  const result = await job.params['~standard'].validate(raw)
  if (result.issues === undefined) return result.value
  const lines = result.issues.map((issue) => `  ${describeIssue(issue)}`)
  throw new MillraceError('PARAMS_INVALID', `The parameters of job "${job.name}" do not fit:\n${lines.join('\n')}`, {
    details: { job: job.name },
  })
}

function describeIssue(issue: SchemaIssue): string {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part))
  return path.length === 0 ? issue.message : `${path.join('.')}: ${issue.message}`
}
