/** Real jobs with a server, each in a folder of its own, ended with the test. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { parseConfig } from '@millrace/core'
import { type RunningJob, runJob } from '@millrace/runtime'
import type { ServedJob } from '../src/served-job.ts'
import { type RestServer, startRestServer } from '../src/server/rest-server.ts'
import { restSettingsOf } from '../src/server/rest-settings.ts'

export interface Served {
  readonly job: RunningJob
  readonly server: RestServer
  readonly jobId: string
  /** Of the test: for savepoints. */
  readonly folder: string
}

export async function serve(
  t: Pick<TestContext, 'after'>,
  jobFile: string,
  configuration: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-rest-'))
  const given = {
    'execution.checkpointing.dir': join(folder, 'checkpoints'),
    'execution.checkpointing.interval': '50 ms',
    'rest.port': '0',
    ...configuration,
  }
  const job = runJob({
    bundlePath: join(import.meta.dirname, jobFile),
    params: {},
    configuration: given,
    restore: { kind: 'none' },
  })
  const server = await startServer(job, given)
  t.after(async () => {
    job.cancel()
    await job.outcome
    await server.close('atOnce')
    await rm(folder, { recursive: true, force: true })
  })
  const history = await until(async () => job.history() ?? (await failedEarly(job)))
  return { job, server, jobId: history.jobId, folder }
}

/** A job that could not be loaded has no history. */
async function failedEarly(job: RunningJob): Promise<undefined> {
  const ended = await Promise.race([job.outcome, pause(0)])
  if (ended?.state === 'FAILED') throw new Error(`the job did not start: ${ended.error?.message}`)
}

export async function startServer(
  job: ServedJob,
  configuration: Readonly<Record<string, string>>,
): Promise<RestServer> {
  const settings = restSettingsOf(parseConfig([{ source: 'test', pairs: configuration }]))
  if (settings === undefined) throw new Error('the server is turned off')
  return startRestServer(job, settings)
}

export async function untilRunning({ job }: Served): Promise<void> {
  await until(() => job.reading()?.state === 'RUNNING' && allTasksRun(job))
}

/** A source subtask without splits has ended. */
function allTasksRun(job: RunningJob): boolean {
  return job.history()?.subtasks.every(({ state }) => state === 'RUNNING' || state === 'FINISHED') === true
}

/** Until a checkpoint is complete. */
export async function untilCheckpoint({ job }: Served): Promise<void> {
  await until(() => job.reading()?.statistics.latest.completed)
}

/** Where a test hangs it is to fail, not to run on for ever. */
const HANGS_AFTER_MS = 30_000

/** Waits for what becomes neither false nor undefined. */
export async function until<T>(condition: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const startMs = performance.now()
  for (;;) {
    const value = await condition()
    if (value !== undefined && value !== false) return value
    if (performance.now() - startMs > HANGS_AFTER_MS) throw new Error(`never came true: ${condition}`)
    await pause(2)
  }
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer
  readonly json: any
}

export async function get({ server }: Pick<Served, 'server'>, path: string): Promise<Reply> {
  return request(server.url, 'GET', path)
}

export async function request(
  url: string,
  method: string,
  path: string,
  { body, headers = {} }: { readonly body?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Reply> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, json: text === '' ? undefined : JSON.parse(text) }
}
