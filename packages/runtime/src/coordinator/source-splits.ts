/** Lists the splits of every source on a fresh start and deals them out round robin. */
import { type FileSystem, type LogicalGraph, MillraceError, type PlainValue, type SourceSplit } from '@millrace/api'
import type { PhysicalPlan, PlanVertex, SubtaskRestore } from '@millrace/core'
import { freshSplitEntry } from '../task/source-driver.ts'

export interface SplitListing {
  readonly graph: LogicalGraph
  readonly plan: PhysicalPlan
  readonly files: FileSystem
}

/** By vertex id: what each subtask of a source starts from. */
export async function enumerateSplits(listing: SplitListing): Promise<ReadonlyMap<string, readonly SubtaskRestore[]>> {
  const starts = new Map<string, readonly SubtaskRestore[]>()
  for (const vertex of listing.plan.vertices) {
    if (vertex.isSource) starts.set(vertex.id, await enumerateVertex(vertex, listing))
  }
  return starts
}

/**
 * A source that the checkpoint knows nothing of (`fresh`, uids) begins as on a fresh start: without splits it would read nothing
 * and end, and its input would be missing without a word.
 */
export async function withFreshSources(
  restored: ReadonlyMap<string, readonly SubtaskRestore[]>,
  fresh: readonly string[],
  listing: SplitListing,
): Promise<ReadonlyMap<string, readonly SubtaskRestore[]>> {
  const starts = new Map(restored)
  for (const vertex of listing.plan.vertices) {
    if (!vertex.isSource || !fresh.includes(vertex.steps[0]?.uid ?? '')) continue
    const begun = await enumerateVertex(vertex, listing)
    const others = restored.get(vertex.id) ?? []
    starts.set(
      vertex.id,
      begun.map(({ operators, finished }, subtask) => ({
        operators: [...operators, ...(others[subtask]?.operators ?? [])],
        finished,
      })),
    )
  }
  return starts
}

async function enumerateVertex(vertex: PlanVertex, { graph, files }: SplitListing): Promise<SubtaskRestore[]> {
  const step = vertex.steps[0]
  const spec = graph.nodes.find(({ id }) => id === step?.nodeId)?.spec
  if (step === undefined || spec?.kind !== 'source') {
    throw new MillraceError('INTERNAL', `${vertex.name} does not begin with a source`)
  }
  const splits = await spec.source.enumerate({ files, parallelism: vertex.parallelism })
  checkIds(step.name, splits)
  return Array.from({ length: vertex.parallelism }, (_, subtask) => ({
    finished: false,
    operators: [
      {
        uid: step.uid,
        tables: [],
        keyGroups: [],
        inFlight: [],
        entries: splits
          .map((split, index) => freshSplitEntry(split, index))
          .filter(({ index }) => index % vertex.parallelism === subtask) as unknown as PlainValue[],
      },
    ],
  }))
}

function checkIds(source: string, splits: readonly SourceSplit[]): void {
  const ids = new Set<string>()
  for (const { id } of splits) {
    if (ids.has(id)) {
      throw new MillraceError('GRAPH_INVALID', `The source "${source}" lists the split "${id}" twice`, {
        details: { operator: source, split: id },
        hint: 'Name each input once.',
      })
    }
    ids.add(id)
  }
}
