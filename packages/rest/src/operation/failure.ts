/** A failure as the answers of asynchronous operations tell it: for people, and for Flink's command line. Pure. */
import type { ErrorData } from '@millrace/api'
import { nameOf, stackTrace } from '../view/exceptions-view.ts'
import { serializedThrowable } from './serialized-throwable.ts'

export interface FailureJson {
  readonly class: string
  readonly 'stack-trace': string
  readonly 'serialized-throwable': string
}

export function failureJson(error: ErrorData): FailureJson {
  const className = nameOf(error)
  const trace = stackTrace(error)
  // Flink's command line shows the message only, so causes and advice have to be in it.
  const message = [error.message, ...causesOf(error), ...(error.hint === undefined ? [] : [error.hint])].join('\n')
  return {
    class: className,
    'stack-trace': trace,
    // Flink writes the class in front of the message itself.
    'serialized-throwable': serializedThrowable({ className, message, stackTrace: trace }),
  }
}

/** Those that the message before does not say already. */
function causesOf({ message, cause }: ErrorData): readonly string[] {
  if (cause === undefined) return []
  const told = message.includes(cause.message) ? [] : [`because ${nameOf(cause)}: ${cause.message}`]
  return [...told, ...causesOf(cause)]
}
