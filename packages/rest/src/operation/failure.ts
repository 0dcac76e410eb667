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
  // Flink's command line shows the message only, so the advice has to be in it.
  const message = error.hint === undefined ? error.message : `${error.message}\n${error.hint}`
  return {
    class: className,
    'stack-trace': trace,
    // Flink writes the class in front of the message itself.
    'serialized-throwable': serializedThrowable({ className, message, stackTrace: trace }),
  }
}
