/**
 * From a job file on the command line to a plan: bundled, loaded, its parameters checked, its graph built and compiled.
 * Nothing runs yet; what is wrong with the job is found here.
 */
import { buildGraph, type PlainValue } from '@millrace/api'
import { compilePlan, type PhysicalPlan, parseConfig, type TypedConfig } from '@millrace/core'
import { bundleJob, loadJob, parseParams } from '@millrace/runtime'

export interface PreparedJob {
  readonly bundlePath: string
  readonly params: PlainValue
  readonly plan: PhysicalPlan
  /** What was given, `-p` included. */
  readonly configuration: Readonly<Record<string, string>>
  /** The same, read. */
  readonly config: TypedConfig
}

export interface JobRequest {
  readonly jobFile: string
  readonly params: readonly string[]
  /** `undefined`: as configured. */
  readonly parallelism: number | undefined
  readonly configuration: Readonly<Record<string, string>>
}

/** Throws what is wrong with the configuration, the job file, its parameters or its graph, in this order. */
export async function prepareJob(request: JobRequest): Promise<PreparedJob> {
  const configuration = withParallelism(request)
  const config = parseConfig([{ source: 'the command line', pairs: configuration }])
  const maxParallelism = config.get('pipeline.max-parallelism')
  const { bundlePath } = await bundleJob(request.jobFile)
  const job = await loadJob(bundlePath, request.jobFile)
  const params = await parseParams(job, request.params)
  const plan = compilePlan(buildGraph(job, params), {
    parallelism: config.get('parallelism.default'),
    ...(maxParallelism === undefined ? {} : { maxParallelism }),
  })
  return { bundlePath, params, plan, configuration, config }
}

/** `-p` is another way to write a configuration value, and wins over it. */
function withParallelism({ parallelism, configuration }: JobRequest): Readonly<Record<string, string>> {
  return parallelism === undefined ? configuration : { ...configuration, 'parallelism.default': String(parallelism) }
}
