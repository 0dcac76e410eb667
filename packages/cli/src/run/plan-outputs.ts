/** Where a job's output goes, read from its plan. */
import type { PhysicalPlan } from '@millrace/core'

export interface PlanOutput {
  /** The step's uid. */
  readonly uid: string
  /** The sink's kind. */
  readonly sink: string
  /** For sinks with a place: a folder, a file. */
  readonly place: string | undefined
  readonly guarantee: string
}

const PLACE_OPTIONS = ['folder', 'directory', 'path', 'file', 'url', 'table', 'topic'] as const

export function planOutputs(plan: PhysicalPlan): readonly PlanOutput[] {
  return plan.vertices
    .flatMap((vertex) => vertex.steps)
    .filter((step) => step.kind === 'sink')
    .map(({ uid, facts }) => {
      const options = (facts.options ?? {}) as Readonly<Record<string, unknown>>
      const place = PLACE_OPTIONS.map((option) => options[option]).find((value) => typeof value === 'string')
      return {
        uid,
        sink: String(facts.sink),
        place: place as string | undefined,
        guarantee: String(facts.guarantee),
      }
    })
}
