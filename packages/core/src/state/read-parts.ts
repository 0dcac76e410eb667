/**
 * How the accumulators of several aggregates that were stored together are read by a step that has other ones: each is found
 * by the name of its result. One that is new begins with what comes, as a state that is new does; one that is gone is left
 * behind only where that was allowed. Counts of different values may share them with others than before: what was stored says for
 * each value to which of them it belongs. Pure.
 */
import { type AggregatePart, nearestName, type Sharers, sharersAmong } from '@millrace/api'
import { schemaProblems } from './compare-schemas.ts'
import { storedPart } from './declared-tables.ts'
import { describedSchema, type StoredPart } from './stored-form.ts'

/** One declared part. */
export type PartReading =
  /**
   * Its accumulator has stood at this place, or what it had is among the values of `sharers`, of which that is one. `fromVersion`:
   * it is older, and is migrated. `validates`: it goes through the schema then.
   */
  | {
      readonly kind: 'stored'
      readonly place: number
      readonly sharers?: Sharers
      readonly fromVersion: number | undefined
      readonly validates: boolean
    }
  /** It begins. */
  | { readonly kind: 'new' }

export interface PartsReading {
  /** In the order of the declared parts. */
  readonly parts: readonly PartReading[]
  /** Not only to be checked: they are others, of other versions, or stand or share otherwise. */
  readonly isChanged: boolean
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

/** `undefined`: they are as they were, and need no check. */
export function readParts(
  stored: readonly StoredPart[],
  declared: readonly AggregatePart[],
): PartsReading | PartsRefusal | undefined {
  const parts: PartReading[] = []
  const added: string[] = []
  const groups = sharersAmong(stored)
  for (const part of declared) {
    const { name, aggregate } = part
    const place = stored.findIndex((part) => part.name === name)
    const before = stored[place]
    if (before === undefined) {
      parts.push({ kind: 'new' })
      added.push(name)
      continue
    }
    const now = storedPart(part)
    const refusal = refusePart(before, now, aggregate)
    if (refusal !== undefined) return refusal
    const sharers = groups.find((group) => group.includes(place))
    parts.push({
      kind: 'stored',
      place,
      ...(sharers === undefined ? {} : { sharers }),
      fromVersion: before.version < now.version ? before.version : undefined,
      validates: aggregate.schema !== undefined && !isSameSchema(before, now),
    })
  }
  const dropped = stored.flatMap(({ name }) => (declared.some((part) => part.name === name) ? [] : [name]))
  const isChanged =
    added.length + dropped.length > 0 ||
    !parts.every(
      (part, at) =>
        part.kind === 'stored' &&
        part.place === at &&
        part.fromVersion === undefined &&
        stored[at]?.heldAt === declared[at]?.heldAt,
    )
  const isChecked = parts.some((part) => part.kind === 'stored' && part.validates)
  return isChanged || isChecked ? { parts, isChanged, added, dropped } : undefined
}

/** Whether the values are known to be of the schema of now. */
function isSameSchema(stored: StoredPart, declared: StoredPart): boolean {
  return stored.version === declared.version && declared.schema !== undefined && stored.schema === declared.schema
}

function refusePart(
  stored: StoredPart,
  declared: StoredPart,
  { migrate, schema }: AggregatePart['aggregate'],
): PartsRefusal | undefined {
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
  if (stored.version < declared.version) {
    if (migrate !== undefined) return undefined
    return {
      code: 'STATE_MISREAD',
      problem: `${versions} without migrate`,
      hint: 'Add migrate(old, fromVersion) to the aggregate, or declare the version that it was stored with.',
    }
  }
  const problems = schemaProblems(stored.schema, describedSchema(schema), 'value')
  if (problems.length === 0) return undefined
  return {
    code: 'STATE_INCOMPATIBLE',
    problem: `cannot read what was stored: of ${what} ${problems.join(', ')}`,
    hint: 'Raise the version of the aggregate and add migrate(old, fromVersion), or declare a schema that reads what was stored.',
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
