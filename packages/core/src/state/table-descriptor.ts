/** How one state of one operator is declared to a backend and recorded in a manifest. */
import type { TtlRules } from '@millrace/api'
import type { StoredForm } from './stored-form.ts'

/** `table` is one named state of one operator. */
export interface TableDescriptor {
  readonly operatorUid: string
  /** Name of the state within its operator. Names beginning with `_` belong to the engine (`_timers-event`, `_window`). */
  readonly name: string
  readonly kind: TableKind
  readonly version: number
  /**
   * Entries not written for this long (wall clock) have expired; `undefined`: they live until removed. A list has a time for each of
   * its elements, a map for each user key. Namespaced tables have no time to live.
   */
  readonly ttlMs: number | undefined
  /** How expiry works; left out where Flink's defaults hold. Of the running job only: it is not stored. */
  readonly ttlRules?: TtlRules
  /** What else is known of the form of its values. In manifests only; segments do not hold it. */
  readonly form?: StoredForm
}

/** `value`: one value per key. `list`: an appendable list per key. `map`: entries per key. `namespaced`: one value per (namespace, key). */
export type TableKind = 'value' | 'list' | 'map' | 'namespaced'

/** What of a descriptor a snapshot records. */
export function storedTable({ ttlRules: _, ...stored }: TableDescriptor): TableDescriptor {
  return stored
}
