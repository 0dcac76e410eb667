/**
 * The one error class of Millrace. Every error that a user can meet carries a code from the closed table in
 * `error-code.ts`; code, details and cause survive the way between threads (see `toErrorData`).
 */
import { ERROR_CODES, type ErrorCode, type ErrorCodeEntry } from './error-code.ts'

/** Plain facts that belong to an error: file, line, operator, subtask, … Values are JSON-compatible. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | undefined>>

export interface MillraceErrorOptions {
  /** To what it happened: job, operator, subtask, record position, file. */
  readonly details?: ErrorDetails
  /** What the user can try; one sentence. */
  readonly hint?: string
  readonly cause?: unknown
}

export class MillraceError extends Error {
  override readonly name = 'MillraceError'
  readonly code: ErrorCode
  readonly details: ErrorDetails
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: MillraceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
    this.hint = options.hint
  }

  /** Whose fault it is and what the coordinator does about it. */
  get entry(): ErrorCodeEntry {
    return ERROR_CODES[this.code]
  }
}

/** An error as plain data: what travels between threads, into the job's exception history and through HTTP. */
export interface ErrorData {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: ErrorCode | undefined
  readonly details: ErrorDetails
  readonly hint: string | undefined
  readonly cause: ErrorData | undefined
}

const CAUSE_DEPTH_MAX = 8

/** Turns anything that was thrown into plain data; a thrown non-error becomes a message with its text. */
export function toErrorData(thrown: unknown, depth = 0): ErrorData {
  if (!(thrown instanceof Error)) {
    return {
      name: 'NonError',
      message: describeThrown(thrown),
      stack: undefined,
      code: undefined,
      details: {},
      hint: undefined,
      cause: undefined,
    }
  }
  const own = thrown instanceof MillraceError ? thrown : undefined
  return {
    name: thrown.name,
    message: thrown.message,
    stack: thrown.stack,
    code: own?.code,
    details: own?.details ?? {},
    hint: own?.hint,
    cause: thrown.cause === undefined || depth >= CAUSE_DEPTH_MAX ? undefined : toErrorData(thrown.cause, depth + 1),
  }
}

/** The reverse of `toErrorData`: an error with the same code, details, stack and causes. */
export function fromErrorData(data: ErrorData): Error {
  const cause = data.cause === undefined ? undefined : fromErrorData(data.cause)
  const error: Error =
    data.code === undefined
      ? new Error(data.message, cause === undefined ? undefined : { cause })
      : new MillraceError(data.code, data.message, {
          details: data.details,
          ...(data.hint === undefined ? {} : { hint: data.hint }),
          ...(cause === undefined ? {} : { cause }),
        })
  if (data.code === undefined) error.name = data.name
  if (data.stack !== undefined) error.stack = data.stack
  return error
}

function describeThrown(thrown: unknown): string {
  try {
    return `thrown value: ${typeof thrown === 'object' ? JSON.stringify(thrown) : String(thrown)}`
  } catch {
    return 'thrown value that cannot be described'
  }
}
