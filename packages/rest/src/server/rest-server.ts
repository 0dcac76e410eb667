/**
 * The HTTP side: listens, checks who asks, finds the route, writes the answer. Knows nothing of jobs beyond handing the look
 * on. Whatever goes wrong has the body `{"errors": […]}`; a method that a path does not have is 404, as in Flink.
 */
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { MillraceError } from '@millrace/api'
import { disposeSavepoint, NodeFileSystem, SystemClock } from '@millrace/runtime'
import type { FastifyInstance, FastifyReply, FastifyRequest, fastify } from 'fastify'
import { OperationStore } from '../operation/operation-store.ts'
import { CHECKPOINT_ROUTES } from '../route/checkpoint-routes.ts'
import { CLUSTER_ROUTES } from '../route/cluster-routes.ts'
import { DISPOSAL_ROUTES } from '../route/disposal-routes.ts'
import { JOB_ROUTES } from '../route/job-routes.ts'
import type { Answer, Route, ServerFacts } from '../route/route.ts'
import { SNAPSHOT_ROUTES } from '../route/snapshot-routes.ts'
import { lookAt, type ServedJob } from '../served-job.ts'
import { refusalOf } from './access-check.ts'
import { errorsJson, RestError, serverErrorJson } from './rest-error.ts'
import type { RestSettings } from './rest-settings.ts'

export interface RestServer {
  /** Where it answers: `http://localhost:8081`. */
  readonly url: string
  readonly port: number
  /** The first port that was tried, when it was taken. */
  readonly takenPort: number | undefined
  /**
   * Ends when operations that somebody waits for have been told, at the latest after ten seconds; `atOnce` waits for nothing.
   */
  close(how: 'told' | 'atOnce'): Promise<void>
}

const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string }

const ROUTES: readonly Route[] = [
  ...CLUSTER_ROUTES,
  ...JOB_ROUTES,
  ...CHECKPOINT_ROUTES,
  ...SNAPSHOT_ROUTES,
  ...DISPOSAL_ROUTES,
]
/** With and without: Flink's command line asks with it, its dashboard without. */
const PREFIXES = ['', '/v1']
const BODY_BYTES_MAX = 64 * 1024
const REQUEST_TIMEOUT_MS = 30_000
/** Flink's clients ask every two seconds at the least. */
const TOLD_WITHIN_MS = 10_000
/** What an answer that is being written gets when the server ends. */
const CLOSE_TIMEOUT_MS = 1_000

/** Throws `REST_BIND_FAILED` when it cannot listen. */
export async function startRestServer(job: ServedJob, settings: RestSettings): Promise<RestServer> {
  const { ports, bindAddress } = settings
  // Loaded here and not above: only a run with a server pays for it.
  const { fastify } = await import('fastify')
  let taken: unknown
  for (const port of ports.ports) {
    const server = new JobServer(fastify, job, settings)
    try {
      await server.listen(port)
      return server.started(taken === undefined ? undefined : ports.ports[0])
    } catch (error) {
      if (!isTaken(error)) throw bindFailed(`${bindAddress}:${port}`, error)
      taken = error
    }
  }
  throw bindFailed(`${bindAddress}, ${ports.asked}`, taken)
}

class JobServer {
  readonly #app: FastifyInstance
  readonly #settings: RestSettings
  readonly #facts: ServerFacts
  #endpoint = ''

  constructor(createApp: typeof fastify, job: ServedJob, settings: RestSettings) {
    const clock = new SystemClock()
    const store = { keptMs: settings.operationsKeptMs, now: () => clock.now() }
    this.#settings = settings
    this.#facts = {
      job,
      versions: { millrace: version },
      zone: {
        name: Intl.DateTimeFormat().resolvedOptions().timeZone,
        offsetMinutes: new Date(clock.now()).getTimezoneOffset(),
      },
      look: () => lookAt(job, this.#endpoint),
      snapshots: new OperationStore(store),
      checkpoints: new OperationStore(store),
      disposals: new OperationStore(store),
      disposeSavepoint: (path) => disposeSavepoint(new NodeFileSystem(), path),
      newTriggerId: () => randomBytes(16).toString('hex'),
    }
    this.#app = createApp({
      bodyLimit: BODY_BYTES_MAX,
      requestTimeout: REQUEST_TIMEOUT_MS,
      exposeHeadRoutes: false,
      forceCloseConnections: 'idle',
      routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, caseSensitive: true },
      frameworkErrors: (error, _, reply) => this.#refuse(reply, error),
      clientErrorHandler: (_, socket) => refuseGarbage(socket),
    })
    this.#define()
  }

  async listen(port: number): Promise<void> {
    const { bindAddress } = this.#settings
    // One socket: the name may stand for an address of each family.
    const host = bindAddress === 'localhost' ? '127.0.0.1' : bindAddress
    await this.#app.listen({ host, port })
    this.#endpoint = `${urlHost(this.#settings)}:${this.#port}`
  }

  started(takenPort: number | undefined): RestServer {
    return {
      url: `http://${this.#endpoint}`,
      port: this.#port,
      takenPort,
      close: (how) => this.#close(how),
    }
  }

  get #port(): number {
    const address = this.#app.server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  #define(): void {
    const app = this.#app
    // Clients send a body and its type with every request, also where there is nothing to say.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    app.addHook('onRequest', async (request, reply) => {
      const { allowOrigin } = this.#settings
      if (allowOrigin !== undefined) reply.header('access-control-allow-origin', allowOrigin)
      const { config } = request.routeOptions as { readonly config: { readonly isWrite?: boolean } }
      const refusal = refusalOf(
        {
          host: request.headers.host,
          origin: request.headers.origin,
          fetchSite: headerText(request.headers['sec-fetch-site']),
          isWrite: config.isWrite === true,
        },
        [this.#settings.address, this.#settings.bindAddress].map((name) => name.toLowerCase()),
      )
      if (refusal !== undefined) throw new RestError(403, refusal)
    })
    app.setErrorHandler((error, _, reply) => this.#refuse(reply, error))
    app.setNotFoundHandler((request, reply) => {
      const path = request.url.split('?')[0] ?? ''
      const text = request.method === 'GET' ? `Unable to load requested file ${path}.` : `Not found: ${path}`
      write(reply, { status: 404, json: errorsJson(text) })
    })
    for (const route of ROUTES) {
      for (const prefix of PREFIXES) {
        app.route({
          method: route.method,
          url: `${prefix}${route.path}`,
          config: { isWrite: route.isWrite },
          handler: async (request, reply) => {
            write(reply, await route.answer(requestOf(request), this.#facts))
            return reply
          },
        })
      }
    }
  }

  #refuse(reply: FastifyReply, error: unknown): void {
    const { statusCode, name, message } = error as Error & { readonly statusCode?: number }
    if (error instanceof RestError) write(reply, { status: error.status, json: errorsJson(message) })
    else if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
      write(reply, { status: statusCode, json: errorsJson(message) })
    } else write(reply, { status: 500, json: serverErrorJson({ name, message }) })
  }

  async #close(how: 'told' | 'atOnce'): Promise<void> {
    if (how === 'told') {
      const timeout = Promise.withResolvers<void>()
      const timer = setTimeout(timeout.resolve, TOLD_WITHIN_MS)
      const { snapshots, checkpoints, disposals } = this.#facts
      await Promise.race([
        Promise.all([snapshots, checkpoints, disposals].map((operations) => operations.allTold())),
        timeout.promise,
      ])
      clearTimeout(timer)
    }
    const timer = setTimeout(() => this.#app.server.closeAllConnections(), how === 'told' ? CLOSE_TIMEOUT_MS : 0)
    await this.#app.close()
    clearTimeout(timer)
  }
}

function requestOf(request: FastifyRequest) {
  const query = request.url.slice(request.url.indexOf('?') + 1 || request.url.length)
  return {
    params: request.params as Readonly<Record<string, string>>,
    query: new URLSearchParams(query),
    body: typeof request.body === 'string' ? request.body : '',
  }
}

function write(reply: FastifyReply, { status, json }: Answer): void {
  reply.code(status).header('content-type', 'application/json; charset=UTF-8').send(JSON.stringify(json))
}

/** What is no HTTP gets an answer in the usual form all the same. */
function refuseGarbage(socket: Socket): void {
  if (!socket.writable) return
  const body = JSON.stringify(errorsJson('This is no HTTP request.'))
  const head = ['HTTP/1.1 400 Bad Request', 'content-type: application/json; charset=UTF-8', 'connection: close']
  socket.end(`${head.join('\r\n')}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

/** What to write into a URL for the address that is listened on. */
function urlHost({ bindAddress, address }: RestSettings): string {
  if (bindAddress === 'localhost' || bindAddress === '127.0.0.1') return 'localhost'
  if (bindAddress === '0.0.0.0' || bindAddress === '::') return address
  return bindAddress.includes(':') ? `[${bindAddress}]` : bindAddress
}

function isTaken(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'EADDRINUSE' || code === 'EACCES'
}

function bindFailed(where: string, cause: unknown): MillraceError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new MillraceError('REST_BIND_FAILED', `The REST server could not listen on ${where}: ${why}`, {
    details: { address: where },
    hint: 'Give another port (-D rest.port=0 takes any free one) or address (rest.bind-address).',
    cause,
  })
}
