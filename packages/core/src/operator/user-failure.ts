/** Errors that come out of a call of user code, as what the user and the coordinator need: whose code, where, and the cause. */
import { type ErrorDetails, MillraceError } from '@millrace/api'
import { valueToJson } from '../codec/value-json.ts'
import type { OperatorHost } from './operator.ts'

/** The state that a call of user code worked on. */
export interface FailedOn {
  readonly key: unknown
  /** States that hold something of the key. */
  readonly states: readonly HeldState[]
}

export interface HeldState {
  readonly name: string
  /** What it holds of the key, as `describeForm` says it. */
  readonly form: string
}

/**
 * What to throw instead of `cause`, which was thrown in user code or by what it called: `USER_FUNCTION_FAILED` with the
 * cause (whose stack has the user's own line), or the engine's own error with the operator's name added. `failedOn`, where there is
 * keyed state: the key is named, and after a restore the states that may hold what another version of the job stored, with
 * the fields that they have.
 */
export function describeUserFailure(
  host: Pick<OperatorHost, 'name' | 'uid' | 'subtask' | 'developmentMode' | 'restoredFrom'>,
  cause: unknown,
  failedOn?: FailedOn,
): unknown {
  const key = failedOn === undefined ? undefined : shownKey(failedOn.key)
  const details = {
    operator: host.name,
    uid: host.uid,
    subtask: host.subtask,
    ...(key === undefined ? {} : { key }),
  }
  if (cause instanceof MillraceError) {
    if (cause.details.operator !== undefined) return cause
    return new MillraceError(cause.code, `Operator "${host.name}": ${cause.message}`, {
      details: { ...cause.details, ...details },
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      cause,
    })
  }
  if (host.developmentMode && isFrozenWrite(cause)) return describeMutation(host.name, details, cause)
  const message = `User code of operator "${host.name}" threw: ${messageOf(cause)}`
  const states = failedOn?.states ?? []
  if (host.restoredFrom === undefined || states.length === 0 || !(cause instanceof TypeError)) {
    return new MillraceError('USER_FUNCTION_FAILED', message, { details, cause })
  }
  const named = states.map(({ name }) => `"${name}"`).join(', ')
  const holds = states.map(({ name, form }) => `"${name}" holds ${form}`).join(', ')
  return new MillraceError('USER_FUNCTION_FAILED', message, {
    details: {
      ...details,
      restoredStates: states.map(({ name }) => name).join(', '),
      restoredForms: states.map(({ form }) => form).join(', '),
      checkpointId: host.restoredFrom,
    },
    hint: `The state ${named} of key ${key} may be restored from checkpoint ${host.restoredFrom}, as an earlier version of the job stored it: ${holds}. If its form has changed, raise its version and add migrate(old, fromVersion).`,
    cause,
  })
}

function shownKey(key: unknown): string {
  const text = JSON.stringify(valueToJson(key))
  return text.length <= KEY_CHARACTERS_MAX ? text : `${text.slice(0, KEY_CHARACTERS_MAX)}…`
}

const KEY_CHARACTERS_MAX = 200

/** `RECORD_MUTATED` for a write that `isFrozenWrite` in development mode, where the engine has frozen what it handed over. */
export function describeMutation(operator: string, details: ErrorDetails, cause: unknown): MillraceError {
  return new MillraceError(
    'RECORD_MUTATED',
    `Operator "${operator}" changed a value that it may only read: ${messageOf(cause)}`,
    {
      details,
      hint: 'Make a copy, change the copy, and emit or set that.',
      cause,
    },
  )
}

/** What V8 says when strict code writes to a frozen object. */
export function isFrozenWrite(cause: unknown): boolean {
  return (
    cause instanceof TypeError &&
    /^Cannot (assign to read only property|add property|delete property|redefine property|define property)/.test(
      cause.message,
    )
  )
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
