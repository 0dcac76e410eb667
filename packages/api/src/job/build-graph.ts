/** Runs a job's `build` and gives the checked graph. Coordinator and slots call it with the same parsed parameters. */
import { MillraceError } from '../error/millrace-error.ts'
import { checkGraph } from '../graph/check-graph.ts'
import { GraphBuilder } from '../graph/graph-builder.ts'
import type { LogicalGraph } from '../graph/logical-graph.ts'
import { Env } from '../stream/env.ts'
import { withoutClockAndRandomness } from './build-guard.ts'
import type { JobDefinition } from './define-job.ts'

/**
 * The logical graph of a job. Throws `BUILD_NOT_SYNCHRONOUS`, `BUILD_NOT_DETERMINISTIC`, `GRAPH_INVALID`,
 * `GRAPH_EMPTY`, `UID_DUPLICATE`, `EVENT_TIME_WITHOUT_WATERMARKS`, what the options of its steps are refused with, and
 * `JOB_BUILD_FAILED` around any other error of the job's own code.
 */
export function buildGraph<P>(job: JobDefinition<P>, params: NoInfer<P>): LogicalGraph {
  const builder = new GraphBuilder(job.name)
  const returned = runBuild(job, new Env(builder), params)
  const graph = builder.finish()
  if (isPromise(returned)) {
    // Its failure has no one else to hear it.
    returned.then(undefined, () => {})
    throw new MillraceError('BUILD_NOT_SYNCHRONOUS', `build() of job "${job.name}" returned a promise`, {
      details: { job: job.name },
      hint: 'Write build() without async. What has to be awaited belongs into a source, or before defineJob at the top of the job file.',
    })
  }
  checkGraph(graph)
  return graph
}

function runBuild<P>(job: JobDefinition<P>, env: Env, params: P): unknown {
  try {
    return withoutClockAndRandomness(() => job.build(env, params) as unknown)
  } catch (thrown) {
    if (thrown instanceof MillraceError) throw thrown
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    throw new MillraceError('JOB_BUILD_FAILED', `build() of job "${job.name}" failed: ${message}`, {
      details: { job: job.name },
      cause: thrown,
    })
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}
