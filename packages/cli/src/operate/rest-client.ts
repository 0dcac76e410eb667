/**
 * Asks a REST server, Millrace's or Flink's: one request a connection, JSON both ways. What comes back is checked for being
 * JSON and a success; what it holds is the caller's to check.
 */
import { type IncomingMessage, request as startRequest } from 'node:http'
import { MillraceError } from '@millrace/api'
import { addressText, type JobAddress } from './job-address.ts'
import { refusalText } from './server-text.ts'

export interface RestReply {
  readonly status: number
  readonly json: unknown
}

/** A server that says nothing for so long is not waited for. */
const SILENCE_MS = 30_000
const REPLY_BYTES_MAX = 16 * 1024 ** 2

export class RestClient {
  readonly #address: JobAddress

  constructor(address: JobAddress) {
    this.#address = address
  }

  get address(): string {
    return addressText(this.#address)
  }

  get(path: string): Promise<RestReply> {
    return this.#ask('GET', path, undefined)
  }

  post(path: string, body: object): Promise<RestReply> {
    return this.#ask('POST', path, body)
  }

  patch(path: string): Promise<RestReply> {
    return this.#ask('PATCH', path, {})
  }

  /** Throws `REST_REQUEST_FAILED` for an answer that is no success. */
  async #ask(method: string, path: string, body: object | undefined): Promise<RestReply> {
    const { status, text } = await this.#send(method, path, body)
    const json = this.#parse(path, text)
    if (status >= 200 && status < 300) return { status, json }
    throw new MillraceError('REST_REQUEST_FAILED', `${this.address} refused ${method} ${path}: ${refusalText(json)}`, {
      details: { status },
    })
  }

  #parse(path: string, text: string): unknown {
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw this.unreadable(path, cause)
    }
  }

  /** What answers at the address is not what it should be. */
  unreadable(path: string, cause?: unknown): MillraceError {
    return new MillraceError('REST_REQUEST_FAILED', `What ${this.address} answers to ${path} cannot be read`, {
      hint: 'Something else than a job may listen there; millrace run prints the address of its server.',
      cause,
    })
  }

  #send(method: string, path: string, body: object | undefined): Promise<{ status: number; text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
    const content = body === undefined ? undefined : JSON.stringify(body)
    const request = startRequest(
      {
        host: this.#address.host,
        port: this.#address.port,
        method,
        path: `/v1${path}`,
        agent: false,
        timeout: SILENCE_MS,
        headers: {
          host: this.address,
          ...(content === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
        },
      },
      (response) => {
        readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject)
      },
    )
    request.on('timeout', () => request.destroy(new Error(`no answer within ${SILENCE_MS / 1_000} s`)))
    request.on('error', reject)
    request.end(content)
    return promise.catch((error: unknown) => {
      throw this.#unreachable(error)
    })
  }

  #unreachable(cause: unknown): MillraceError {
    const why = reasonOf(cause)
    return new MillraceError('REST_UNREACHABLE', `No REST server answers at ${this.address}: ${why}`, {
      details: { address: this.address },
      hint: 'millrace run prints the address of its server; name it with -m host:port. The server ends with its job.',
      cause,
    })
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > REPLY_BYTES_MAX) throw new Error('the answer is too long')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** A name with several addresses gives an error for each. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join('; ')
  return cause instanceof Error ? cause.message : String(cause)
}
