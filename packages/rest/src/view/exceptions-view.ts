/** What failed, newest first: `/jobs/:jobid/exceptions`. Pure. */
import type { ErrorData } from '@millrace/api'
import type { ExceptionFacts } from '@millrace/runtime'
import { type JobLook, taskManagerIdOf } from '../served-job.ts'

/** Flink's default. */
export const EXCEPTIONS_SHOWN = 20

export function exceptionsJson(look: JobLook, shownMax: number): object {
  const { exceptions, exceptionsDropped } = look.history
  const entries = exceptions.toReversed().slice(0, shownMax)
  return {
    exceptionHistory: {
      entries: entries.map((exception) => entryJson(exception, look)),
      truncated: exceptionsDropped > 0 || entries.length < exceptions.length,
    },
  }
}

function entryJson({ error, atMs, task, attempt }: ExceptionFacts, look: JobLook): object {
  const vertex = look.plan.vertices.find(({ id }) => id === task?.vertexId)
  const place =
    task === undefined || vertex === undefined
      ? {}
      : {
          taskName: `${vertex.name} (${task.subtask + 1}/${vertex.parallelism}) - execution #${attempt}`,
          endpoint: look.endpoint,
          taskManagerId: taskManagerIdOf(look),
        }
  return {
    exceptionName: nameOf(error),
    stacktrace: stackTrace(error),
    timestamp: atMs,
    failureLabels: {},
    ...place,
    concurrentExceptions: [],
  }
}

/** The code, which says more than the class: there is one class of errors. */
export function nameOf(error: ErrorData): string {
  return error.code ?? error.name
}

/** Message, hint, frames and causes in one text, as Java prints them. */
export function stackTrace(error: ErrorData): string {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const hint = error.hint === undefined ? [] : [`  try: ${error.hint.replaceAll('\n', ' ')}`]
  const own = [`${nameOf(error)}: ${error.message}`, ...hint, ...frames.map((frame) => `\t${frame.trim()}`)]
  return error.cause === undefined ? `${own.join('\n')}\n` : `${own.join('\n')}\nCaused by: ${stackTrace(error.cause)}`
}
