/**
 * Deletes savepoints: a POST starts it, a GET asks how far it is. They need not be of the job that runs here, but that one's
 * start is protected while a failure would go back to it.
 */
import { dirname, resolve } from 'node:path'
import { MillraceError } from '@millrace/api'
import type { JobLook } from '../served-job.ts'
import { RestError } from '../server/rest-error.ts'
import { isEndedJob } from '../view/state-counts.ts'
import { parseFolder } from './local-folder.ts'
import { statusJson } from './operation-status.ts'
import { parseBody, refusal } from './request-body.ts'
import { type Answer, idParam, ok, type RestRequest, type Route, type ServerFacts } from './route.ts'

export const DISPOSAL_ROUTES: readonly Route[] = [
  { method: 'POST', path: '/savepoint-disposal', isWrite: true, answer: triggerDisposal },
  { method: 'GET', path: '/savepoint-disposal/:triggerid', isWrite: false, answer: disposalStatus },
]

/** As in Flink with 200, unlike the other triggers. */
function triggerDisposal(request: RestRequest, server: ServerFacts): Answer {
  const { 'savepoint-path': path } = parseBody(request.body, { 'savepoint-path': 'text' })
  if (path === undefined) throw refusal('"savepoint-path" is missing')
  const folder = parseFolder(path)
  const triggerId = server.newTriggerId()
  server.disposals.start(triggerId, async () => {
    checkNotNeeded(folder, server.look())
    await server.disposeSavepoint(folder)
  })
  return ok({ 'request-id': triggerId })
}

function disposalStatus(request: RestRequest, server: ServerFacts): Answer {
  const triggerId = idParam(request, 'triggerid')
  const state = server.disposals.ask(triggerId)
  if (state === undefined) {
    throw new RestError(404, `There is no savepoint disposal operation with triggerId=${triggerId}.`)
  }
  return ok(
    statusJson(
      state,
      () => ({}),
      (failure) => ({ 'failure-cause': failure }),
    ),
  )
}

/** Until the job has a checkpoint of its own, a failure goes back to what it was started from. */
function checkNotNeeded(path: string, look: JobLook | undefined): void {
  if (look?.startedFrom === undefined || isEndedJob(look.history.state)) return
  if (look.reading.statistics.latest.completed !== undefined) return
  const start = resolve(look.startedFrom)
  if (start !== resolve(path) && dirname(start) !== resolve(path)) return
  throw new MillraceError(
    'SAVEPOINT_DISPOSAL_FAILED',
    `Nothing was deleted: job "${look.plan.jobName}" was started from ${path} and has no checkpoint of its own yet`,
    { details: { path }, hint: 'Ask again after its first checkpoint: millrace checkpoint takes one.' },
  )
}
