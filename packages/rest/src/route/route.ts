/** A route without the HTTP library: what it is asked, and what it answers. */
import type { VertexId } from '@millrace/core'
import type { OperationStore } from '../operation/operation-store.ts'
import type { JobLook, ServedJob } from '../served-job.ts'
import { RestError } from '../server/rest-error.ts'
import type { TimeZone, Versions } from '../view/cluster-view.ts'

export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH'
  /** Parameters as `:jobid`. */
  readonly path: string
  /** Whether it may change something, whatever its method. */
  readonly isWrite: boolean
  answer(request: RestRequest, server: ServerFacts): Answer | Promise<Answer>
}

export interface RestRequest {
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** As it came; empty without one. */
  readonly body: string
}

export interface Answer {
  readonly status: number
  readonly json: object
}

/** What the routes may use. */
export interface ServerFacts {
  readonly job: ServedJob
  readonly versions: Versions
  readonly zone: TimeZone
  look(): JobLook | undefined
  readonly snapshots: OperationStore<string>
  readonly checkpoints: OperationStore<number>
  readonly disposals: OperationStore<void>
  /** Rejects when it is none, or cannot be deleted. */
  disposeSavepoint(path: string): Promise<unknown>
  /** 32 hex digits. */
  newTriggerId(): string
}

export function ok(json: object): Answer {
  return { status: 200, json }
}

export function accepted(json: object = {}): Answer {
  return { status: 202, json }
}

/** 32 hex digits, lower case. Throws 400 as Flink says it. */
export function idParam({ params }: RestRequest, name: string): string {
  const text = params[name] ?? ''
  if (/^[0-9a-f]{32}$/i.test(text)) return text.toLowerCase()
  throw new RestError(400, cannotResolve('path', name, text))
}

export function numberParam({ params }: RestRequest, name: string): number {
  const text = params[name] ?? ''
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new RestError(400, cannotResolve('path', name, text))
}

export function cannotResolve(kind: 'path' | 'query', name: string, text: string): string {
  return `Bad request, could not parse parameters: Cannot resolve ${kind} parameter (${name}) from value "${text}".`
}

/** The look at the job of this id, or `undefined` where there is none. */
export function lookFor(request: RestRequest, server: ServerFacts): JobLook | undefined {
  const jobId = idParam(request, 'jobid')
  const look = server.look()
  return look?.history.jobId === jobId ? look : undefined
}

/** Throws 404. */
export function requireLook(request: RestRequest, server: ServerFacts): JobLook {
  const look = lookFor(request, server)
  if (look !== undefined) return look
  throw new RestError(404, `Job ${idParam(request, 'jobid')} not found`)
}

export function requireVertex(request: RestRequest, look: JobLook) {
  const vertexId: VertexId = idParam(request, 'vertexid')
  const vertex = look.plan.vertices.find(({ id }) => id === vertexId)
  if (vertex === undefined) throw new RestError(404, `JobVertex ${vertexId} not found`)
  return vertex
}
