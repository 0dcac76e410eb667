/**
 * The process that is killed: runs the job as its only argument says (JSON, `RunRequest`) and writes what happens to
 * standard output, one JSON line per event, synchronously, so that a line that was written was seen.
 * Exit code: 0 for FINISHED, 1 else.
 */
import { writeSync } from 'node:fs'
import process from 'node:process'
import type { ErrorData } from '@millrace/api'
import { type RestoreRequest, runJob, type StopAfterCheckpoints } from '@millrace/runtime'
import type { KillJobParams } from './job.ts'
import type { RunEvent } from './run-event.ts'

export interface RunRequest {
  readonly bundlePath: string
  readonly params: KillJobParams
  readonly configuration: Readonly<Record<string, string>>
  readonly restore: RestoreRequest
  readonly stopAfter: StopAfterCheckpoints | null
}

const request = JSON.parse(process.argv[2] ?? '') as RunRequest
const job = runJob({
  bundlePath: request.bundlePath,
  params: {
    ...request.params,
    misbehaviour: request.params.misbehaviour === null ? null : { ...request.params.misbehaviour },
  },
  configuration: request.configuration,
  restore: request.restore,
  stopAfter: request.stopAfter ?? undefined,
  observer: {
    onState: (state) => tell({ event: 'state', state }),
    onMessage: (_level, text) => tell({ event: 'message', text }),
    onFailure: ({ error, restartInMs }) =>
      tell({ event: 'failure', code: error.code ?? null, message: error.message, restarts: restartInMs !== undefined }),
    onCheckpoint: ({ id, outcome }) => tell({ event: 'checkpoint', id, outcome }),
  },
})
const { state, error, savepoint, reading } = await job.outcome
const recordsRead = (reading?.tasks ?? []).reduce((sum, { metrics }) => sum + (metrics?.numRecordsIn ?? 0), 0)
tell({
  event: 'outcome',
  state,
  code: error?.code ?? null,
  message: error === undefined ? null : messageOf(error),
  savepoint: savepoint ?? null,
  attempts: (reading?.attempt ?? 0) + 1,
  recordsRead,
})
process.exitCode = state === 'FINISHED' ? 0 : 1

/** The whole of it: the user's own line is in the stack of the innermost cause. */
function messageOf({ message, hint, stack, cause }: ErrorData): string {
  const own = [message, hint, stack].filter((text) => text !== undefined).join('\n')
  return cause === undefined ? own : `${own}\n${messageOf(cause)}`
}

function tell(event: RunEvent): void {
  writeSync(1, `${JSON.stringify(event)}\n`)
}
