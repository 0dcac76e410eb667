/** What a server says went wrong, without the stack traces that Flink puts into it. Pure. */
import { ERROR_CODES, type ErrorCode, type ErrorData, fromErrorData, MillraceError } from '@millrace/api'

/** Of `{"errors": […]}`. */
export function refusalText(json: unknown): string {
  const errors = typeof json === 'object' && json !== null && 'errors' in json ? json.errors : undefined
  const texts = Array.isArray(errors) ? errors.filter((text) => typeof text === 'string') : []
  // Of two, the first says only that there is a second.
  const text = texts.at(-1) ?? 'it does not say why'
  const [first = '', ...more] = text.split('\n')
  return withoutClass((first.startsWith('<Exception on server side') ? more[0] : first) ?? '')
}

/** The failure of an operation as an error: with its own code and causes where the server is Millrace's. */
export function failureOf(what: string, failure: unknown): Error {
  const { class: className, 'stack-trace': trace } = (failure ?? {}) as Readonly<Record<string, unknown>>
  const text = typeof trace === 'string' ? trace : ''
  if (isCode(className)) return fromErrorData(parseTrace(text.split(/^Caused by: /m)))
  const lines = text.split('\n')
  // Java's innermost cause says what it was; those around it, where it was met.
  const cause = lines.findLast((line) => line.startsWith('Caused by: '))?.replace('Caused by: ', '')
  const told = withoutClass(cause ?? lines[0] ?? '')
  return new MillraceError('OPERATION_FAILED', `${what} failed: ${told === '' ? 'the server does not say why' : told}`)
}

const HINT = '  try: '
const FRAME = /^\tat (.*)$/

/** An error as Millrace's server writes it: code and message, advice, frames; after it those of its causes. */
function parseTrace([trace = '', ...causes]: readonly string[]): ErrorData {
  const lines = trace.trimEnd().split('\n')
  const told = lines.filter((line) => !line.startsWith(HINT) && !FRAME.test(line)).join('\n')
  const [, name = 'Error', message = told] = /^([\w$]+): ([\s\S]*)$/.exec(told) ?? []
  const frames = lines.flatMap((line) => FRAME.exec(line)?.[1] ?? [])
  return {
    name,
    code: isCode(name) ? name : undefined,
    message,
    hint: lines.find((line) => line.startsWith(HINT))?.slice(HINT.length),
    // Where it happened there; where it was read from an answer says nothing.
    stack: [`${name}: ${message}`, ...frames.map((frame) => `    at ${frame}`)].join('\n'),
    details: {},
    cause: causes.length === 0 ? undefined : parseTrace(causes),
  }
}

function isCode(name: unknown): name is ErrorCode {
  return typeof name === 'string' && Object.hasOwn(ERROR_CODES, name)
}

function withoutClass(line: string): string {
  return line.replace(/^(?:(?:[a-z][\w$]*\.)+[A-Z][\w$]*: )+/, '').trim()
}
