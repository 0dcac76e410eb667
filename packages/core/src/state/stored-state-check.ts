/**
 * Whether a job can read the state of a checkpoint, decided from the manifest alone, before anything starts. Kind and
 * version must fit or be migrated, and where the form of the values is known on both sides it must be readable. What
 * cannot be decided so is left to the values themselves, which are then checked while they are restored.
 */
import { type AggregatePart, type LogicalGraph, MillraceError, nearestName } from '@millrace/api'
import type { CheckpointManifest } from '../checkpoint/manifest.ts'
import { schemaProblems } from './compare-schemas.ts'
import { type DeclaredTable, declaredTables, storedPart } from './declared-tables.ts'
import { type PartsReading, type PartsRefusal, readParts, refuseDropped } from './read-parts.ts'
import { describedSchema, type StoredForm, type StoredPart } from './stored-form.ts'
import type { TableDescriptor } from './table-descriptor.ts'

/** What a restore has to do with the values of one stored table. */
export type TableReading =
  | { readonly kind: 'as-is' }
  /**
   * `fromVersion`: it is older and is migrated; then, where `validates`, every value goes through the schema. `parts`: there are several
   * aggregates, which have changed or are checked one by one.
   */
  | {
      readonly kind: 'converted'
      readonly fromVersion: number | undefined
      readonly validates: boolean
      readonly parts?: PartsReading
    }
  | {
      readonly kind: 'refused'
      readonly code: 'STATE_MISREAD' | 'STATE_INCOMPATIBLE'
      readonly problem: string
      readonly hint: string
    }

type Refusal = TableReading & { readonly kind: 'refused' }

/** State of matched operators that no declared state asks for; it stays in later checkpoints. */
export interface UnreadState {
  readonly operator: string
  readonly state: string
  /** A declared state that holds nothing in the checkpoint and has a similar name. */
  readonly nearest: string | undefined
}

/** Aggregates of a step that are others than those that were stored. */
export interface ChangedAggregates {
  readonly operator: string
  /** They begin with what comes. */
  readonly added: readonly string[]
  /** They are left behind, which was allowed. */
  readonly dropped: readonly string[]
}

export interface StoredStates {
  readonly unread: readonly UnreadState[]
  readonly changedAggregates: readonly ChangedAggregates[]
}

export interface StoredStateOptions {
  /** State that the job has no use for is left behind. */
  readonly allowNonRestoredState: boolean
  /** The manifest's, for errors. */
  readonly file: string
}

/**
 * Compares all stored tables of a checkpoint with those that the job declares under the same uid and name. Throws
 * `STATE_MISREAD` or `STATE_INCOMPATIBLE` that names each state that does not fit.
 */
export function checkStoredStates(
  manifest: CheckpointManifest,
  graph: LogicalGraph,
  { allowNonRestoredState, file }: StoredStateOptions,
): StoredStates {
  const unread: UnreadState[] = []
  const changedAggregates: ChangedAggregates[] = []
  const refusals: (Refusal & { readonly stored: TableDescriptor })[] = []
  for (const { uid, tables, keyGroups, inFlight = [] } of manifest.operators) {
    const node = graph.nodes.find((candidate) => candidate.uid === uid)
    if (node === undefined) continue
    const declared = new Map(declaredTables(uid, node.spec).map((table) => [table.descriptor.name, table]))
    const free = [...declared.keys()].filter((name) => !tables.some((table) => table.name === name))
    for (const stored of tables) {
      const table = declared.get(stored.name)
      if (table === undefined) {
        const isLost = !allowNonRestoredState && keyGroups.length > 0 && isOfOtherStep(stored.name, tables, declared)
        if (isLost) refusals.push({ ...refuseOtherStep(stored, declared), stored })
        else if (declared.size > 0)
          unread.push({ operator: uid, state: stored.name, nearest: nearestName(stored.name, free) })
        continue
      }
      const decided = decideReading(stored, table)
      const reading = inFlight.length === 0 ? decided : refuseInFlight(decided, table.descriptor)
      const refused = reading.kind === 'refused' || allowNonRestoredState ? reading : refuseLoss(reading, table)
      if (refused.kind === 'refused') refusals.push({ ...refused, stored })
      else if (refused.kind === 'converted' && refused.parts !== undefined) {
        const { added, dropped } = refused.parts
        if (added.length + dropped.length > 0) changedAggregates.push({ operator: uid, added, dropped })
      }
    }
  }
  const [first] = refusals
  if (first === undefined) return { unread, changedAggregates }
  throw new MillraceError(first.code, refusals.map(({ problem }) => problem).join('; '), {
    details: { operator: first.stored.operatorUid, state: first.stored.name, file },
    hint: first.hint,
  })
}

/** What the engine's own steps keep of the user's values. */
const VALUE_TABLES: ReadonlySet<string> = new Set(['_reduce', '_aggregate', '_windows', '_window-slices'])
/** What windows have beside, in either layout. */
const WINDOW_TABLES: ReadonlySet<string> = new Set(['_window-progress', '_window-refire'])

/**
 * Whether a table is of a step that is of another kind now, or windows that store in another way, and has not gone on as that already:
 * what it holds would be lost. Its name is the engine's, so the user has renamed nothing.
 */
function isOfOtherStep(
  name: string,
  stored: readonly TableDescriptor[],
  declared: ReadonlyMap<string, DeclaredTable>,
): boolean {
  if (!VALUE_TABLES.has(name)) return false
  return !stored.some((table) => declared.has(table.name) && !WINDOW_TABLES.has(table.name))
}

function refuseOtherStep(stored: TableDescriptor, declared: ReadonlyMap<string, DeclaredTable>): Refusal {
  const layout = declared.has('_windows')
    ? 'is of windows whose aggregates can all be merged, and there is one without merge now'
    : 'is of windows with an aggregate without merge, and all of them have one now'
  return refusalOf(stored, {
    code: 'STATE_INCOMPATIBLE',
    problem:
      declared.has('_window-progress') && stored.name.startsWith('_window')
        ? layout
        : 'is of a step of another kind than it is now',
    hint: 'Keep the step as it was under this uid. To let it begin anew, leave the state behind with --allow-non-restored-state.',
  })
}

/**
 * Records in flight to a step of the engine's own may be partial results. They are in the form that its state had, and nothing in them says
 * which that was.
 */
function refuseInFlight(reading: TableReading, descriptor: TableDescriptor): TableReading {
  const isChanged =
    reading.kind === 'converted' && (reading.parts?.isChanged === true || reading.fromVersion !== undefined)
  // Their names are the engine's.
  if (!isChanged || !descriptor.name.startsWith('_')) return reading
  return refusalOf(descriptor, {
    code: 'STATE_INCOMPATIBLE',
    problem: 'is declared in another form than the partial results that are in flight to it in this checkpoint',
    hint: 'Restore with the step as it was, stop with a savepoint, which holds no records in flight, and change the step then.',
  })
}

/** How values that were stored as `stored` are read as `declared`. */
export function decideReading(stored: TableDescriptor, table: DeclaredTable): TableReading {
  const { descriptor, evolution, parts } = table
  const refuse = (code: Refusal['code'], problem: string, hint: string): Refusal =>
    refusalOf(descriptor, { code, problem, hint })
  if (stored.kind !== descriptor.kind) {
    return refuse(
      'STATE_MISREAD',
      `is declared as ${describe(descriptor)}, but was stored as ${describe(stored)}`,
      'Declare it as it was stored, or give the new form another name.',
    )
  }
  const storedParts = parts === undefined ? undefined : partsOf(stored, descriptor, parts)
  if (parts !== undefined && storedParts !== undefined) {
    const reading = readParts(storedParts, parts)
    if (reading === undefined) return { kind: 'as-is' }
    if ('problem' in reading) return refusalOf(descriptor, reading)
    return { kind: 'converted', fromVersion: undefined, validates: false, parts: reading }
  }
  const hasSchema = evolution?.schema !== undefined || evolution?.keySchema !== undefined
  if (stored.version > descriptor.version) {
    return refuse(
      'STATE_MISREAD',
      `was stored as version ${stored.version}, and the job declares version ${descriptor.version}`,
      'A newer job stored it: run that one, or restore a checkpoint from before it.',
    )
  }
  if (stored.version < descriptor.version) {
    if (evolution?.migrate === undefined && evolution?.migrateKey === undefined) {
      return refuse(
        'STATE_MISREAD',
        `was stored as version ${stored.version}, and the job declares version ${descriptor.version} without migrate`,
        'Add migrate(old, fromVersion) to its options, or declare the version that it was stored with.',
      )
    }
    return { kind: 'converted', fromVersion: stored.version, validates: hasSchema }
  }
  const problems = formProblems(stored.form, table)
  if (problems.length > 0) {
    return refuse(
      'STATE_INCOMPATIBLE',
      `cannot read what was stored: ${problems.join(', ')}`,
      parts === undefined
        ? 'Raise its version and add migrate(old, fromVersion), or declare it so that it reads what was stored.'
        : 'It was stored by a Millrace that did not say where the accumulator of each aggregate is. Restore with the aggregates as they were, take a savepoint, and change them then.',
    )
  }
  const validates = hasSchema && !isSameForm(stored.form, descriptor.form, evolution?.keySchema !== undefined)
  return validates ? { kind: 'converted', fromVersion: undefined, validates } : { kind: 'as-is' }
}

/** The stored parts, where they are known: told by the manifest, or the whole has the name and the version that it has now. */
function partsOf(
  { form, version }: TableDescriptor,
  declared: TableDescriptor,
  parts: readonly AggregatePart[],
): readonly StoredPart[] | undefined {
  if (form?.kind !== 'aggregate') return undefined
  if (form.parts !== undefined) return form.parts
  if (declared.form?.kind !== 'aggregate' || form.name !== declared.form.name || version !== declared.version) {
    return undefined
  }
  return parts.map((part) => {
    const { schema: _, ...stored } = storedPart(part)
    return stored
  })
}

/** The reading as a refusal, where something of what was stored would be lost. */
export function refuseLoss(reading: TableReading, { descriptor }: DeclaredTable): TableReading {
  if (reading.kind !== 'converted' || reading.parts === undefined) return reading
  const refusal = refuseDropped(reading.parts)
  return refusal === undefined ? reading : refusalOf(descriptor, refusal)
}

function refusalOf({ name, operatorUid }: TableDescriptor, { code, problem, hint }: PartsRefusal): Refusal {
  return { kind: 'refused', code, problem: `State "${name}" of operator "${operatorUid}" ${problem}`, hint }
}

/** What is known to be unreadable; nothing where one side is not known. */
function formProblems(
  stored: StoredForm | undefined,
  { descriptor: { form: declared }, evolution }: DeclaredTable,
): readonly string[] {
  const described = describedSchema(evolution?.schema)
  if (stored?.kind === 'aggregate' && declared?.kind === 'aggregate') {
    if (stored.name === declared.name) return schemaProblems(stored.schema, described, 'value')
    return [`the accumulators are of the aggregate ${stored.name}, the job has ${declared.name}`]
  }
  // A schema tells of each value whether it can be read all the same.
  if (stored?.kind === 'aggregate' && evolution?.schema === undefined) {
    return [`its values are accumulators of the aggregate ${stored.name}, and it is declared as a state without one`]
  }
  if (stored?.kind === 'schema' && declared?.kind === 'aggregate' && evolution?.schema === undefined) {
    return [`its values are none of an aggregate, and it is declared as accumulators of ${declared.name}`]
  }
  if (stored?.kind !== 'schema' || declared?.kind !== 'schema') return []
  const describedKey = describedSchema(evolution?.keySchema)
  return [...schemaProblems(stored.value, described, 'value'), ...schemaProblems(stored.key, describedKey, 'key')]
}

/** Whether the schemas are known to be those that the values were stored under. */
function isSameForm(stored: StoredForm | undefined, declared: StoredForm | undefined, hasKeySchema: boolean): boolean {
  if (stored?.kind === 'aggregate' && declared?.kind === 'aggregate') {
    return declared.schema !== undefined && stored.schema === declared.schema
  }
  if (stored?.kind !== 'schema' || declared?.kind !== 'schema' || declared.value === undefined) return false
  if (hasKeySchema && declared.key === undefined) return false
  return stored.value === declared.value && stored.key === declared.key
}

function describe({ kind, version }: TableDescriptor): string {
  return `${kind} version ${version}`
}
