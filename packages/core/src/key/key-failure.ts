/**
 * Why a record has no key, told so that the user finds the place: which `keyBy`, in front of which step, for which
 * record. The stack of a refused key is that of the call of `keyBy`: the refusal itself happens deep in the engine,
 * where no frame is the user's.
 */
import { formatRecord, type KeySelector, MillraceError } from '@millrace/api'

const RECORD_SHOWN_MAX = 200
const FUNCTION_SHOWN_MAX = 80

/**
 * What to throw instead of `cause`, which came of selecting or hashing the key of `record`: `KEY_INVALID`, or
 * `USER_FUNCTION_FAILED` when the user's function threw. `receiver` is the step that the keys are for.
 */
export function describeKeyFailure(
  cause: unknown,
  selector: KeySelector,
  receiver: { readonly name: string; readonly uid: string },
  record: unknown,
): MillraceError {
  const { path, ...more } = cause instanceof MillraceError ? cause.details : {}
  const details = {
    ...more,
    ...(path === undefined || path === 'key' ? {} : { path }),
    keyedStep: receiver.name,
    keyedStepUid: receiver.uid,
    record: showRecord(record),
  }
  const call = `${showSelector(selector)} for "${receiver.name}"`
  if (!(cause instanceof MillraceError)) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new MillraceError('USER_FUNCTION_FAILED', `The key function of ${call} threw: ${reason}`, { details, cause })
  }
  const error = new MillraceError(cause.code, `${call}: ${cause.message}`, {
    details,
    ...(cause.hint === undefined ? {} : { hint: cause.hint }),
  })
  const place = selector.calledAt?.stack
  if (place !== undefined) error.stack = place
  return error
}

function showSelector(selector: KeySelector): string {
  if (selector.kind === 'field') return `keyBy('${selector.field}')`
  return `keyBy(${cut(String(selector.select).replace(/\s+/g, ' '), FUNCTION_SHOWN_MAX)})`
}

function showRecord(record: unknown): string {
  try {
    return cut(formatRecord(record), RECORD_SHOWN_MAX)
  } catch {
    return 'a value that cannot be shown'
  }
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}
