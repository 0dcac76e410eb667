/** What two checkpoints or savepoints hold differently, entry by entry. */
import type { OperatorSnapshot } from '@millrace/core'
import { type EntryFilter, encoded, type SavedEntry, type SavedState } from './saved-state.ts'

export type StateDifference =
  | { readonly kind: 'added'; readonly after: SavedEntry }
  | { readonly kind: 'removed'; readonly before: SavedEntry }
  | { readonly kind: 'changed'; readonly before: SavedEntry; readonly after: SavedEntry }

/**
 * Entries belong together by operator, state, key and inner key; they differ where their stored values do, whenever they
 * were written. Reads a key group of both at a time; all of an operator whose number of key groups is another one.
 */
export async function* compareStates(
  before: SavedState,
  after: SavedState,
  filter: EntryFilter = {},
): AsyncGenerator<StateDifference> {
  const [old, recent] = [operatorsOf(before, filter), operatorsOf(after, filter)]
  for (const uid of new Set([...old.keys(), ...recent.keys()])) {
    const [oldOperator, newOperator] = [old.get(uid), recent.get(uid)]
    for (const groups of unitsOf(oldOperator, newOperator)) {
      yield* differences(
        await entriesOf(before, oldOperator, groups, filter),
        await entriesOf(after, newOperator, groups, filter),
      )
    }
  }
}

function operatorsOf(saved: SavedState, { operator }: EntryFilter): ReadonlyMap<string, OperatorSnapshot> {
  const all = saved.manifest.operators.filter(({ uid }) => operator === undefined || uid === operator)
  return new Map(all.map((each) => [each.uid, each]))
}

/** Key groups that are compared together; `undefined`: all of them. */
function unitsOf(
  before: OperatorSnapshot | undefined,
  after: OperatorSnapshot | undefined,
): readonly (number | undefined)[] {
  if (before !== undefined && after !== undefined && before.maxParallelism !== after.maxParallelism) return [undefined]
  const groups = [before, after].flatMap((operator) => operator?.keyGroups.map(({ keyGroup }) => keyGroup) ?? [])
  return [...new Set(groups)].sort((a, b) => a - b)
}

async function entriesOf(
  saved: SavedState,
  operator: OperatorSnapshot | undefined,
  group: number | undefined,
  filter: EntryFilter,
): Promise<ReadonlyMap<string, SavedEntry>> {
  const entries = new Map<string, SavedEntry>()
  for (const snapshot of operator?.keyGroups ?? []) {
    if (operator === undefined || (group !== undefined && snapshot.keyGroup !== group)) continue
    for (const entry of await saved.groupEntries(operator, snapshot, filter)) entries.set(nameOf(entry), entry)
  }
  return entries
}

function* differences(
  before: ReadonlyMap<string, SavedEntry>,
  after: ReadonlyMap<string, SavedEntry>,
): Generator<StateDifference> {
  for (const [name, entry] of before) {
    const other = after.get(name)
    if (other === undefined) yield { kind: 'removed', before: entry }
    else if (Buffer.compare(encoded(entry.value), encoded(other.value)) !== 0) {
      yield { kind: 'changed', before: entry, after: other }
    }
  }
  for (const [name, entry] of after) if (!before.has(name)) yield { kind: 'added', after: entry }
}

function nameOf({ state, key, sub }: SavedEntry): string {
  const parts = [state.name, key, sub].map((part) => Buffer.from(encoded(part)).toString('base64'))
  return parts.join(' ')
}
