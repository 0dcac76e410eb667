/** What two checkpoints or savepoints hold differently, entry by entry. */
import { MillraceError } from '@millrace/api'
import type { OperatorSnapshot } from '@millrace/core'
import { type EntryFilter, encoded, type SavedEntry, type SavedState } from './saved-state.ts'

export type StateDifference =
  | { readonly kind: 'added'; readonly after: SavedEntry }
  | { readonly kind: 'removed'; readonly before: SavedEntry }
  | { readonly kind: 'changed'; readonly before: SavedEntry; readonly after: SavedEntry }

/**
 * Entries belong together by operator, state, key and inner key; they differ where their stored values do, whenever they
 * were written. Reads a key group of both at a time; all of an operator whose number of key groups is another one.
 * Throws `STATE_NOT_FOUND` for an operator or a state that neither has: that there is nothing to compare is no equality.
 */
export async function* compareStates(
  before: SavedState,
  after: SavedState,
  filter: EntryFilter = {},
): AsyncGenerator<StateDifference> {
  if (!before.has(filter)) after.operators(filter)
  const [old, recent] = [operatorsOf(before, filter), operatorsOf(after, filter)]
  for (const uid of new Set([...old.keys(), ...recent.keys()])) {
    const [oldOperator, newOperator] = [old.get(uid), recent.get(uid)]
    if (filter.keyGroup !== undefined) checkSameGroups(oldOperator, newOperator)
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
  if (haveOtherGroups(before, after)) return [undefined]
  const groups = [before, after].flatMap((operator) => operator?.keyGroups.map(({ keyGroup }) => keyGroup) ?? [])
  return [...new Set(groups)].sort((a, b) => a - b)
}

function haveOtherGroups(before: OperatorSnapshot | undefined, after: OperatorSnapshot | undefined): boolean {
  return before !== undefined && after !== undefined && before.maxParallelism !== after.maxParallelism
}

/** A key group of the one holds other keys than that of the same number of the other. */
function checkSameGroups(before: OperatorSnapshot | undefined, after: OperatorSnapshot | undefined): void {
  if (!haveOtherGroups(before, after)) return
  const [old, recent] = [before?.maxParallelism, after?.maxParallelism]
  throw new MillraceError(
    'STATE_MISREAD',
    `"${before?.uid}" has ${old} key groups in the one and ${recent} in the other, so that one of them cannot be compared`,
    { details: { operator: before?.uid }, hint: 'Leave the key group out, or name a key.' },
  )
}

async function entriesOf(
  saved: SavedState,
  operator: OperatorSnapshot | undefined,
  group: number | undefined,
  filter: EntryFilter,
): Promise<ReadonlyMap<string, SavedEntry>> {
  const entries = new Map<string, SavedEntry>()
  if (operator === undefined) return entries
  for (const snapshot of saved.keyGroupsOf(operator, filter)) {
    if (group !== undefined && snapshot.keyGroup !== group) continue
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
