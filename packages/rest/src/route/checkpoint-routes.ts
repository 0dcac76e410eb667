/** What is told about checkpoints. */
import type { CheckpointRecord } from '@millrace/core'
import type { JobLook } from '../served-job.ts'
import { RestError } from '../server/rest-error.ts'
import {
  checkpointConfigJson,
  checkpointDetailJson,
  checkpointsJson,
  checkpointVertexJson,
  findCheckpoint,
} from '../view/checkpoint-view.ts'
import { numberParam, ok, type RestRequest, type Route, requireLook, requireVertex } from './route.ts'

const read = (path: string, answer: Route['answer']): Route => ({ method: 'GET', path, isWrite: false, answer })

export const CHECKPOINT_ROUTES: readonly Route[] = [
  read('/jobs/:jobid/checkpoints', (request, server) => ok(checkpointsJson(requireLook(request, server)))),
  read('/jobs/:jobid/checkpoints/config', (request, server) => {
    const { config, history } = requireLook(request, server)
    if (config.get('execution.checkpointing.interval') === 0) {
      throw new RestError(404, `Checkpointing is not enabled for this job (${history.jobId}).`)
    }
    return ok(checkpointConfigJson(config))
  }),
  read('/jobs/:jobid/checkpoints/details/:checkpointid', (request, server) =>
    ok(checkpointDetailJson(requireCheckpoint(request, requireLook(request, server)))),
  ),
  read('/jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid', (request, server) => {
    const look = requireLook(request, server)
    const record = requireCheckpoint(request, look)
    const { id } = requireVertex(request, look)
    const vertex = record.vertices.find(({ vertexId }) => vertexId === id)
    if (vertex === undefined) throw new RestError(404, `There is no checkpoint statistics for task ${id}.`)
    return ok(checkpointVertexJson(record, vertex))
  }),
]

function requireCheckpoint(request: RestRequest, look: JobLook): CheckpointRecord {
  const id = numberParam(request, 'checkpointid')
  const record = findCheckpoint(look, id)
  if (record === undefined) throw new RestError(404, `Could not find checkpointing statistics for checkpoint ${id}.`)
  return record
}
