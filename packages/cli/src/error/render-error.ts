/**
 * An error as lines: code, what happened, to what, what to try, and where in the user's own code. Frames of Node, of
 * packages and of Millrace come after the user's and are left out where there are user frames.
 */
import type { ErrorData } from '@millrace/api'
import { asOneLine } from '../text/fit-text.ts'
import type { Paint } from '../text/paint.ts'

const FRAMES_MAX = 8

export function renderError(error: ErrorData, paint: Paint): readonly string[] {
  const [first = '', ...more] = error.message.split('\n')
  const place = findUserFrame(error)
  return [
    `${paint('bad', 'error')} ${paint('strong', error.code ?? error.name)}  ${first}`,
    ...more.map((line) => `  ${line}`),
    ...(place === undefined ? [] : [`  at ${place}`]),
    ...renderDetails(error),
    ...renderCauses(error),
    ...(error.hint === undefined ? [] : error.hint.split('\n').map((line) => `  ${paint('faint', 'try:')} ${line}`)),
    ...renderFrames(error, paint),
  ]
}

/** Ids that only programs use; `--json` has them. */
const HIDDEN_DETAILS: ReadonlySet<string> = new Set(['vertex'])

/** The facts that the message does not say already. */
function renderDetails(error: ErrorData): readonly string[] {
  return Object.entries(error.details)
    .filter(([name]) => !HIDDEN_DETAILS.has(name))
    .filter(([name, value]) => value !== undefined && value !== null && !isNamed(error.message, name, value))
    .map(([name, value]) => `  ${name}: ${asOneLine(String(value))}`)
}

/**
 * Whether a message gives the fact in quotes or after its name ("line 7"), or as the sentence that it is. That a word of it stands
 * somewhere says nothing.
 */
function isNamed(message: string, name: string, value: unknown): boolean {
  const text = String(value)
  if (/\w \w+ \w/.test(text) && message.includes(text)) return true
  if (message.includes(`"${text}"`) || message.includes(`'${text}'`)) return true
  const at = message.toLowerCase().indexOf(`${name} ${text}`.toLowerCase())
  if (at < 0) return false
  const after = message.slice(at + name.length + 1 + text.length)
  return !/\w/.test(message[at - 1] ?? ' ') && !/^(\w|[.,]\w)/.test(after)
}

function renderCauses(error: ErrorData): readonly string[] {
  const lines: string[] = []
  for (let outer = error; outer.cause !== undefined; outer = outer.cause) {
    const { cause } = outer
    if (!outer.message.includes(cause.message))
      lines.push(`  because ${cause.code ?? cause.name}: ${asOneLine(cause.message)}`)
  }
  return lines
}

/** The innermost error has the stack that shows where it began. */
function rootOf(error: ErrorData): ErrorData {
  return error.cause === undefined ? error : rootOf(error.cause)
}

function findUserFrame(error: ErrorData): string | undefined {
  return stackFrames(rootOf(error)).find((frame) => isUserFrame(frame))
}

function renderFrames(error: ErrorData, paint: Paint): readonly string[] {
  const frames = stackFrames(rootOf(error))
  const own = frames.filter((frame) => isUserFrame(frame))
  // The place is told already; a stack is worth its lines when it is the user's, or when nobody knows what happened.
  const shown = own.length > 0 ? own.slice(1) : error.code === undefined || error.code === 'INTERNAL' ? frames : []
  return shown.slice(0, FRAMES_MAX).map((frame) => paint('faint', `     ${frame}`))
}

/** `name (file:line:column)` of each frame, the innermost first. */
export function stackFrames(error: Pick<ErrorData, 'stack'>): readonly string[] {
  return (error.stack ?? '').split('\n').flatMap((line) => {
    const frame = /^\s+at (.+)$/.exec(line)?.[1]
    return frame === undefined ? [] : [frame.replaceAll('file://', '')]
  })
}

export function isUserFrame(frame: string): boolean {
  return (
    /:\d+:\d+\)?$/.test(frame) &&
    // `<anonymous> (file:1:2)` is a function without a name, as the functions of a job usually are.
    !/\bnode:|node_modules[\\/]|^(?:async )?<anonymous>(?! \()/.test(frame) &&
    !ENGINE_FILES.test(frame)
  )
}

/** The engine's own files where they do not lie in node_modules: a checkout of the repository, and generated code. */
const ENGINE_FILES =
  /[\\/]packages[\\/](?:api|core|runtime|rest|cli|millrace|testing|connectors[\\/][^\\/]+)[\\/](?:src|dist|bin)[\\/]|millrace:/
