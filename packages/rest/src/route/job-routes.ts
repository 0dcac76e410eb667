/** What is told about the job, and its cancellation. */
import { RestError, serverErrorJson } from '../server/rest-error.ts'
import { EXCEPTIONS_SHOWN, exceptionsJson } from '../view/exceptions-view.ts'
import { executionResultJson } from '../view/execution-result-view.ts'
import { jobDetailJson, jobIdsJson, jobsOverviewJson } from '../view/job-view.ts'
import { isEndedJob } from '../view/state-counts.ts'
import { vertexDetailJson } from '../view/vertex-view.ts'
import {
  type Answer,
  accepted,
  cannotResolve,
  idParam,
  lookFor,
  ok,
  type RestRequest,
  type Route,
  requireLook,
  requireVertex,
  type ServerFacts,
} from './route.ts'

const read = (path: string, answer: Route['answer']): Route => ({ method: 'GET', path, isWrite: false, answer })

export const JOB_ROUTES: readonly Route[] = [
  read('/jobs', (_, server) => ok(jobIdsJson(looksOf(server)))),
  read('/jobs/overview', (_, server) => ok(jobsOverviewJson(looksOf(server)))),
  read('/jobs/:jobid', (request, server) => ok(jobDetailJson(requireLook(request, server)))),
  read('/jobs/:jobid/status', (request, server) => {
    const look = lookFor(request, server)
    if (look !== undefined) return ok({ status: look.history.state })
    // Flink has no status of its own for this case, and its clients know it so.
    const message = `Could not find job (${idParam(request, 'jobid')})`
    return { status: 500, json: serverErrorJson({ name: 'NotFound', message }) }
  }),
  read('/jobs/:jobid/exceptions', (request, server) => {
    const look = requireLook(request, server)
    return ok(exceptionsJson(look, exceptionsMax(request)))
  }),
  read('/jobs/:jobid/execution-result', (request, server) => ok(executionResultJson(requireLook(request, server)))),
  read('/jobs/:jobid/vertices/:vertexid', (request, server) => {
    const look = requireLook(request, server)
    return ok(vertexDetailJson(requireVertex(request, look), look))
  }),
  { method: 'PATCH', path: '/jobs/:jobid', isWrite: true, answer: cancelByMode },
  // Hadoop's proxy passes nothing but GET on, so Flink's dashboard cancels by one.
  { method: 'GET', path: '/jobs/:jobid/yarn-cancel', isWrite: true, answer: cancel },
]

function looksOf(server: ServerFacts) {
  const look = server.look()
  return look === undefined ? [] : [look]
}

function exceptionsMax({ query }: RestRequest): number {
  const text = query.get('maxExceptions')
  if (text === null) return EXCEPTIONS_SHOWN
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new RestError(400, cannotResolve('query', 'maxExceptions', text))
}

function cancelByMode(request: RestRequest, server: ServerFacts): Answer {
  const mode = request.query.get('mode') ?? 'cancel'
  switch (mode.toLowerCase()) {
    case 'cancel':
      return cancel(request, server)
    case 'stop':
      idParam(request, 'jobid')
      throw new RestError(
        308,
        'The termination mode "stop" has been removed. To end at once, use "cancel". To end with a savepoint, use "jobs/:jobid/stop".',
      )
    default:
      throw new RestError(400, cannotResolve('query', 'mode', mode))
  }
}

/** A job that is cancelled already is cancelled: asking twice is no mistake. What comes too late is told so, not accepted. */
function cancel(request: RestRequest, server: ServerFacts): Answer {
  const look = lookFor(request, server)
  if (look === undefined) throw new RestError(404, `Job ${idParam(request, 'jobid')} could not be found.`)
  const { state } = look.history
  if (state === 'CANCELED') return accepted()
  if (isEndedJob(state)) throw tooLate(`has already reached another terminal state (${state})`)
  const endsAs = server.job.cancel()
  if (endsAs !== undefined && endsAs !== 'CANCELED')
    throw tooLate(`is about to reach another terminal state (${endsAs})`)
  return accepted()
}

function tooLate(because: string): RestError {
  return new RestError(409, `Job cancellation failed because the job ${because}.`)
}
