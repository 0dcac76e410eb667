/** Errors that come out of a call of user code, as what the user and the coordinator need: whose code, where, and the cause. */
import { type ErrorDetails, MillraceError } from '@millrace/api'
import type { OperatorHost } from './operator.ts'

/**
 * What to throw instead of `cause`, which was thrown in user code or by what it called: `USER_FUNCTION_FAILED` with the
 * cause (whose stack has the user's own line), or the engine's own error with the operator's name added.
 */
export function describeUserFailure(
  host: Pick<OperatorHost, 'name' | 'uid' | 'subtask' | 'developmentMode'>,
  cause: unknown,
): unknown {
  const details = { operator: host.name, uid: host.uid, subtask: host.subtask }
  if (cause instanceof MillraceError) {
    if (cause.details.operator !== undefined) return cause
    return new MillraceError(cause.code, `Operator "${host.name}": ${cause.message}`, {
      details: { ...cause.details, ...details },
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      cause,
    })
  }
  if (host.developmentMode && isFrozenWrite(cause)) return describeMutation(host.name, details, cause)
  return new MillraceError('USER_FUNCTION_FAILED', `User code of operator "${host.name}" threw: ${messageOf(cause)}`, {
    details,
    cause,
  })
}

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
