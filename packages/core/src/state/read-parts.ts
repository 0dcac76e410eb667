/**
 * How the accumulators of several aggregates that were stored together are read by a step that has other ones: each is found
 * by the name of its result. One that is new begins with what comes, as a state that is new does; one that is gone is left
 * behind only where that was allowed. Pure.
 */
import { type AggregatePart, nearestName } from '@millrace/api'
import type { StoredPart } from './stored-form.ts'

/** One declared part. */
export type PartReading =
  /** Its accumulator has stood at this place; `fromVersion`: it is older, and is migrated. */
  | { readonly kind: 'stored'; readonly place: number; readonly fromVersion: number | undefined }
  /** It begins. */
  | { readonly kind: 'new' }

export interface PartsReading {
  /** In the order of the declared parts. */
  readonly parts: readonly PartReading[]
  /** Names of results that are new. */
  readonly added: readonly string[]
  /** Names of results whose accumulators nobody reads any more. */
  readonly dropped: readonly string[]
}

export interface PartsRefusal {
  readonly code: 'STATE_MISREAD' | 'STATE_INCOMPATIBLE'
  readonly problem: string
  readonly hint: string
}

/** `undefined`: they are as they were. */
export function readParts(
  stored: readonly StoredPart[],
  declared: readonly AggregatePart[],
): PartsReading | PartsRefusal | undefined {
  const parts: PartReading[] = []
  const added: string[] = []
  for (const { name, aggregate } of declared) {
    const place = stored.findIndex((part) => part.name === name)
    const before = stored[place]
    if (before === undefined) {
      parts.push({ kind: 'new' })
      added.push(name)
      continue
    }
    const version = aggregate.version ?? 1
    const refusal = refusePart(before, { name, aggregate: aggregate.name, version }, aggregate.migrate !== undefined)
    if (refusal !== undefined) return refusal
    parts.push({ kind: 'stored', place, fromVersion: before.version < version ? before.version : undefined })
  }
  const dropped = stored.flatMap(({ name }) => (declared.some((part) => part.name === name) ? [] : [name]))
  const isUnchanged =
    added.length === 0 &&
    dropped.length === 0 &&
    parts.every((part, at) => part.kind === 'stored' && part.place === at && part.fromVersion === undefined)
  return isUnchanged ? undefined : { parts, added, dropped }
}

function refusePart(stored: StoredPart, declared: StoredPart, canMigrate: boolean): PartsRefusal | undefined {
  const what = `its aggregate "${declared.name}"`
  if (stored.aggregate !== declared.aggregate) {
    return {
      code: 'STATE_INCOMPATIBLE',
      problem: `cannot read what was stored: ${what} was ${stored.aggregate} and is ${declared.aggregate}`,
      hint: 'Give the other aggregate another name: it begins with what comes, and the old one is left behind with --allow-non-restored-state.',
    }
  }
  const versions = `${what} was stored as version ${stored.version}, and the job declares version ${declared.version}`
  if (stored.version > declared.version) {
    return {
      code: 'STATE_MISREAD',
      problem: versions,
      hint: 'A newer job stored it: run that one, or restore a checkpoint from before it.',
    }
  }
  if (stored.version === declared.version || canMigrate) return undefined
  return {
    code: 'STATE_MISREAD',
    problem: `${versions} without migrate`,
    hint: 'Add migrate(old, fromVersion) to the aggregate, or declare the version that it was stored with.',
  }
}

/** Whoever renames an aggregate would lose what it has come to, without this. */
export function refuseDropped({ added, dropped }: PartsReading): PartsRefusal | undefined {
  if (dropped.length === 0) return undefined
  const named = dropped.map((name) => {
    const near = nearestName(name, added)
    return near === undefined ? `"${name}"` : `"${name}" (is it "${near}" now?)`
  })
  return {
    code: 'STATE_INCOMPATIBLE',
    problem: `holds ${dropped.length === 1 ? 'the aggregate' : 'the aggregates'} ${named.join(', ')}, which the step does not have any more`,
    hint: 'Give the aggregates the names that they had, or leave these behind with --allow-non-restored-state.',
  }
}
