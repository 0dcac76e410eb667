/** Starts an operation on a server and asks until it has ended: more seldom the longer it takes. */
import { setTimeout as pause } from 'node:timers/promises'
import { MillraceError } from '@millrace/api'
import type { RestClient } from './rest-client.ts'
import { failureOf } from './server-text.ts'

export interface OperationRequest {
  /** For messages: `The savepoint`. */
  readonly what: string
  /** What is posted to: `/jobs/<id>/stop`. */
  readonly trigger: string
  /** Where it is asked for, before its id: `/jobs/<id>/savepoints`. */
  readonly status: string
  readonly body: object
}

const FIRST_PAUSE_MS = 20
const PAUSE_MS_MAX = 1_000

/** Its result as the server gives it. Throws what it failed with. */
export async function runOperation(
  client: RestClient,
  { what, trigger, status, body }: OperationRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const { json } = await client.post(trigger, body)
  const triggerId = fieldOf(json, 'request-id')
  if (typeof triggerId !== 'string') throw client.unreadable(trigger)
  const statusPath = `${status}/${triggerId}`
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(PAUSE_MS_MAX, pauseMs * 2)) {
    const reply = await askStatus(client, statusPath, what)
    switch (fieldOf(fieldOf(reply, 'status'), 'id')) {
      case 'IN_PROGRESS':
        await pause(pauseMs)
        continue
      case 'COMPLETED': {
        const operation = (fieldOf(reply, 'operation') ?? {}) as Readonly<Record<string, unknown>>
        const failure = operation['failure-cause'] ?? operation.failureCause
        if (failure !== undefined && failure !== null) throw failureOf(what, failure)
        return operation
      }
      default:
        throw client.unreadable(statusPath)
    }
  }
}

async function askStatus(client: RestClient, path: string, what: string): Promise<unknown> {
  try {
    return (await client.get(path)).json
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'REST_UNREACHABLE') throw error
    throw new MillraceError('REST_UNREACHABLE', `${what} was asked for, then the server went away: ${error.message}`, {
      hint: 'It may have succeeded all the same: look into its folder, and at how the job ended.',
      cause: error,
    })
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined
}
