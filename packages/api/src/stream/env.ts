/** What `build` gets: the place where streams begin. */
import type { DeadLetter, Source } from '../connector/source.ts'
import type { GraphBuilder } from '../graph/graph-builder.ts'
import { checkFunction, invalidOption } from '../option/check-options.ts'
import type { WatermarkStrategy } from '../time/watermark-strategy.ts'
import { parseStepOptions, type StepOptions } from './step-options.ts'
import { DataStream } from './stream.ts'

/** Options of `env.from`. */
export interface FromOptions<T> extends StepOptions {
  /** Where event time comes from. Default: records have none and windows are refused. */
  readonly watermarks?: WatermarkStrategy<T>
}

/** Side outputs that a source may fill itself. */
export type SourceSideRecords = { readonly deadLetter: DeadLetter }

/** The place where the streams of a job begin. */
export class Env {
  readonly #graph: GraphBuilder

  /** Made by `buildGraph`. */
  constructor(graph: GraphBuilder) {
    this.#graph = graph
  }

  /**
   * A stream of the records of a source. `.sideOutput('deadLetter')` has the input that the source rejected, when the
   * source was told to send it there; asked of another source it is refused (`GRAPH_INVALID`).
   */
  from<T>(source: Source<T>, options?: FromOptions<NoInfer<T>>): DataStream<T, SourceSideRecords> {
    if (typeof source?.open !== 'function') throw invalidOption('from', 'the source', source, 'a source')
    const stepOptions = parseStepOptions('from', options, ['watermarks'])
    const watermarks = options?.watermarks
    if (watermarks !== undefined) checkFunction('from', 'watermarks.createGenerator', watermarks.createGenerator)
    return new DataStream(this.#graph, [this.#graph.add({ kind: 'source', source, watermarks }, [], stepOptions)])
  }
}
