/**
 * From the arguments after `--` to the parameters that `build` gets: read, validated by the job's schema, and checked
 * to be plain values, since every slot gets them. Runs once, in the coordinator.
 */
import {
  type JobDefinition,
  MillraceError,
  type PlainValue,
  type SchemaIssue,
  type StandardSchema,
} from '@millrace/api'
import { asArgument, type ParamArguments, parseParamArguments } from './param-arguments.ts'

/** What of a job its parameters need. */
type JobWithParams = Pick<JobDefinition, 'name' | 'params'>

/**
 * Throws `PARAMS_INVALID`, naming every parameter that the schema refuses, that it does not know, or that it turns
 * into something that is no plain value. A job without a schema gets what was given.
 */
export async function parseParams(job: JobWithParams, argv: readonly string[]): Promise<PlainValue> {
  const given = parseParamArguments(argv)
  if (job.params === undefined) return given
  const result = await job.params['~standard'].validate(given)
  if (result.issues !== undefined)
    throw invalid(
      job,
      result.issues.map((issue) => readIssue(issue, given)),
    )
  const unknown = await unknownNames(job.params, given, result.value)
  if (unknown.length > 0) throw invalid(job, unknown)
  const unfit = findUnfit(result.value, [])
  if (unfit !== undefined) throw invalid(job, [unfit])
  return result.value as PlainValue
}

interface ParamIssue {
  readonly name: string
  readonly message: string
}

function invalid(job: JobWithParams, issues: readonly ParamIssue[]): MillraceError {
  const lines = issues.map(({ name, message }) => `  ${name === '' ? '' : `${asArgument(name)}: `}${message}`)
  const details: Record<string, string> = { job: job.name }
  for (const { name, message } of issues) details[name === '' ? 'params' : name] ??= message
  return new MillraceError('PARAMS_INVALID', `Parameters of job "${job.name}" are wrong:\n${lines.join('\n')}`, {
    details,
    hint:
      'Parameters come after "--", as in: millrace run job.ts -- --name value. ' +
      'They arrive as text, or as true for a name without a value, so a number needs a schema such as z.coerce.number().',
  })
}

function readIssue(issue: SchemaIssue, given: ParamArguments): ParamIssue {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part))
  const [name = '', ...rest] = path
  const place = rest.length === 0 ? '' : `at ${rest.join('.')}: `
  const value = Object.hasOwn(given, name)
    ? ` (given: ${JSON.stringify(given[name])})`
    : name === ''
      ? ''
      : ' (not given)'
  return { name, message: `${place}${issue.message}${value}` }
}

/**
 * Most schemas drop what they do not know, which would hide a mistyped name. A name is unknown when the result lacks
 * it and an absurd value in its place changes nothing.
 */
async function unknownNames(
  schema: StandardSchema,
  given: ParamArguments,
  value: unknown,
): Promise<readonly ParamIssue[]> {
  if (typeof value !== 'object' || value === null) return []
  const unknown: ParamIssue[] = []
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(value, name)) continue
    const probe = await schema['~standard'].validate({ ...given, [name]: '\u0000\u0000' })
    if (probe.issues !== undefined || JSON.stringify(probe.value) !== JSON.stringify(value)) continue
    const known = Object.keys(value).map(asArgument)
    unknown.push({
      name,
      message: `is no parameter of this job${known.length === 0 ? '' : `; it has ${known.join(', ')}`}`,
    })
  }
  return unknown
}

function findUnfit(value: unknown, path: readonly string[]): ParamIssue | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') return undefined
  if (typeof value === 'object') {
    if (Array.isArray(value)) return firstUnfit([...value.entries()], path)
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Object.prototype || prototype === null) return firstUnfit(Object.entries(value), path)
  }
  const [name = '', ...rest] = path
  const kind = typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value
  const place = rest.length === 0 ? '' : `at ${rest.join('.')}: `
  return {
    name,
    message: `${place}the schema turns it into a ${kind}; parameters are text, numbers, booleans, lists and plain objects`,
  }
}

function firstUnfit(entries: readonly (readonly [string | number, unknown])[], path: readonly string[]) {
  for (const [name, item] of entries) {
    const unfit = findUnfit(item, [...path, String(name)])
    if (unfit !== undefined) return unfit
  }
  return undefined
}
