/**
 * Checkpoints and savepoints that somebody asks for: a POST starts one and answers with its trigger id, a GET asks how far it
 * is. As in Flink the trigger of an unknown job is accepted and fails in the status; asking again under the same trigger id
 * starts nothing.
 */
import { MillraceError } from '@millrace/api'
import type { OperationState } from '../operation/operation-store.ts'
import { RestError } from '../server/rest-error.ts'
import { pathText } from '../view/checkpoint-view.ts'
import { parseFolder } from './local-folder.ts'
import { statusJson } from './operation-status.ts'
import { parseBody, refusal } from './request-body.ts'
import { type Answer, accepted, idParam, ok, type RestRequest, type Route, type ServerFacts } from './route.ts'

export const SNAPSHOT_ROUTES: readonly Route[] = [
  { method: 'POST', path: '/jobs/:jobid/savepoints', isWrite: true, answer: triggerSavepoint },
  { method: 'GET', path: '/jobs/:jobid/savepoints/:triggerid', isWrite: false, answer: savepointStatus },
  { method: 'POST', path: '/jobs/:jobid/stop', isWrite: true, answer: stopWithSavepoint },
  { method: 'POST', path: '/jobs/:jobid/checkpoints', isWrite: true, answer: triggerCheckpoint },
  { method: 'GET', path: '/jobs/:jobid/checkpoints/:triggerid', isWrite: false, answer: checkpointStatus },
]

function triggerSavepoint(request: RestRequest, server: ServerFacts): Answer {
  const jobId = idParam(request, 'jobid')
  const fields = parseBody(request.body, {
    'target-directory': 'text',
    'cancel-job': 'boolean',
    formatType: 'text',
    triggerId: 'text',
  })
  checkFormat(fields.formatType)
  const targetFolder = parseTarget(fields['target-directory'])
  return start(server.snapshots, server, jobId, fields.triggerId, async () => {
    requireJob(server, jobId)
    // Cancelled after a savepoint, a job could commit output that is not in it. Stopped with it, it cannot.
    const taken =
      fields['cancel-job'] === true
        ? await server.job.stopWithSavepoint({ targetFolder, drain: false })
        : await server.job.takeSavepoint({ targetFolder })
    return taken.externalPath
  })
}

function stopWithSavepoint(request: RestRequest, server: ServerFacts): Answer {
  const jobId = idParam(request, 'jobid')
  const fields = parseBody(request.body, {
    targetDirectory: 'text',
    drain: 'boolean',
    formatType: 'text',
    triggerId: 'text',
  })
  checkFormat(fields.formatType)
  const targetFolder = parseTarget(fields.targetDirectory)
  return start(server.snapshots, server, jobId, fields.triggerId, async () => {
    requireJob(server, jobId)
    const { externalPath } = await server.job.stopWithSavepoint({ targetFolder, drain: fields.drain === true })
    return externalPath
  })
}

const CHECKPOINT_TYPES = { CONFIGURED: 'configured', FULL: 'full', INCREMENTAL: 'incremental' } as const

function triggerCheckpoint(request: RestRequest, server: ServerFacts): Answer {
  const jobId = idParam(request, 'jobid')
  const { checkpointType = 'CONFIGURED', triggerId } = parseBody(request.body, {
    checkpointType: 'text',
    triggerId: 'text',
  })
  if (!Object.hasOwn(CHECKPOINT_TYPES, checkpointType)) {
    throw refusal(`"checkpointType" is one of ${Object.keys(CHECKPOINT_TYPES).join(', ')}, not "${checkpointType}"`)
  }
  const type = CHECKPOINT_TYPES[checkpointType as keyof typeof CHECKPOINT_TYPES]
  return start(server.checkpoints, server, jobId, triggerId, async () => {
    requireJob(server, jobId)
    return (await server.job.takeCheckpoint({ type })).checkpointId
  })
}

function savepointStatus(request: RestRequest, server: ServerFacts): Answer {
  const state = ask(server.snapshots, request, 'savepoint')
  return ok(
    statusJson(
      state,
      (path) => ({ location: pathText(path) }),
      (failure) => ({ 'failure-cause': failure }),
    ),
  )
}

function checkpointStatus(request: RestRequest, server: ServerFacts): Answer {
  const state = ask(server.checkpoints, request, 'checkpoint')
  return ok(
    statusJson(
      state,
      (checkpointId) => ({ checkpointId }),
      (failureCause) => ({ failureCause }),
    ),
  )
}

interface Store<Result> {
  start(key: string, run: () => Promise<Result>): void
  ask(key: string): OperationState<Result> | undefined
}

function start<Result>(
  store: Store<Result>,
  server: ServerFacts,
  jobId: string,
  given: string | undefined,
  run: () => Promise<Result>,
): Answer {
  if (given !== undefined && !/^[0-9a-f]{32}$/i.test(given))
    throw refusal(`"triggerId" is no 32 hex digits: "${given}"`)
  const triggerId = given?.toLowerCase() ?? server.newTriggerId()
  store.start(`${jobId}/${triggerId}`, run)
  return accepted({ 'request-id': triggerId })
}

function ask<Result>(store: Store<Result>, request: RestRequest, what: string): OperationState<Result> {
  const [jobId, triggerId] = [idParam(request, 'jobid'), idParam(request, 'triggerid')]
  const state = store.ask(`${jobId}/${triggerId}`)
  if (state !== undefined) return state
  throw new RestError(404, `There is no ${what} operation with triggerId=${triggerId} for job ${jobId}.`)
}

/** Both of Flink's formats are the one that there is, which any backend reads. */
function checkFormat(format: string | undefined): void {
  if (format === undefined || format === 'CANONICAL' || format === 'NATIVE') return
  throw refusal(`"formatType" is CANONICAL or NATIVE, not "${format}"`)
}

function parseTarget(text: string | undefined): string | undefined {
  return text === undefined ? undefined : parseFolder(text)
}

function requireJob({ look }: ServerFacts, jobId: string): void {
  if (look()?.history.jobId === jobId) return
  throw new MillraceError('RUNNING_JOB_NOT_FOUND', `There is no job ${jobId} here`, {
    details: { job: jobId },
    hint: 'millrace list shows which there is.',
  })
}
