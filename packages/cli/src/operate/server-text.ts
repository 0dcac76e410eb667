/** What a server says went wrong, without the stack traces that Flink puts into it. Pure. */
import { ERROR_CODES, type ErrorCode, MillraceError } from '@millrace/api'

/** Of `{"errors": […]}`. */
export function refusalText(json: unknown): string {
  const errors = typeof json === 'object' && json !== null && 'errors' in json ? json.errors : undefined
  const texts = Array.isArray(errors) ? errors.filter((text) => typeof text === 'string') : []
  // Of two, the first says only that there is a second.
  const text = texts.at(-1) ?? 'it does not say why'
  const [first = '', ...more] = text.split('\n')
  return withoutClass((first.startsWith('<Exception on server side') ? more[0] : first) ?? '')
}

/** The failure of an operation as an error: with its own code where the server is Millrace's. */
export function failureOf(what: string, failure: unknown): MillraceError {
  const { class: className, 'stack-trace': trace } = (failure ?? {}) as Readonly<Record<string, unknown>>
  const lines = typeof trace === 'string' ? trace.split('\n') : []
  const code = isCode(className) ? className : undefined
  if (code !== undefined) {
    const message = (lines[0] ?? '').replace(`${code}: `, '')
    const hint = /^ {2}try: (.+)$/.exec(lines[1] ?? '')?.[1]
    return new MillraceError(code, message, hint === undefined ? {} : { hint })
  }
  // Java's innermost cause says what it was; those around it, where it was met.
  const cause = lines.findLast((line) => line.startsWith('Caused by: '))?.replace('Caused by: ', '')
  const text = cause ?? lines[0] ?? 'the server does not say why'
  return new MillraceError('OPERATION_FAILED', `${what} failed: ${withoutClass(text)}`)
}

function isCode(name: unknown): name is ErrorCode {
  return typeof name === 'string' && Object.hasOwn(ERROR_CODES, name)
}

function withoutClass(line: string): string {
  return line.replace(/^(?:(?:[a-z][\w$]*\.)+[A-Z][\w$]*: )+/, '').trim()
}
