/** How one state of one operator is declared to a backend and recorded in a manifest. */
import type { StoredForm } from './stored-form.ts'

/** `table` is one named state of one operator. */
export interface TableDescriptor {
  readonly operatorUid: string
  /** Name of the state within its operator. Names beginning with `_` belong to the engine (`_timers-event`, `_window`). */
  readonly name: string
  readonly kind: TableKind
  readonly version: number
  /**
   * Entries not written for this long (wall clock) are not returned; `undefined`: they live until removed. A list is one
   * entry. A map has one per user key. Namespaced tables have no time to live.
   */
  readonly ttlMs: number | undefined
  /** What else is known of the form of its values. In manifests only; segments do not hold it. */
  readonly form?: StoredForm
}

/** `value`: one value per key. `list`: an appendable list per key. `map`: entries per key. `namespaced`: one value per (namespace, key). */
export type TableKind = 'value' | 'list' | 'map' | 'namespaced'
