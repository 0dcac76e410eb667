/**
 * What of a slot's memory is state, for the warning and the failure of a slot that runs out of it: the state that holds most,
 * and what the caches hold of state on the local disk, which is not in memory itself. Pure.
 */
import type { KeyedStateBackend, TableUsage } from '@millrace/core'

/** A task, as far as this looks at it. */
export interface StatefulTask {
  readonly task: { readonly name: string }
  readonly backend: Pick<KeyedStateBackend, 'usage' | 'localStore'> | undefined
}

export interface LargestState<Running extends StatefulTask> {
  readonly task: Running
  readonly table: TableUsage
}

/** Of the states in memory; `undefined` when there is none. */
export function largestState<Running extends StatefulTask>(
  tasks: readonly Running[],
): LargestState<Running> | undefined {
  let largest: LargestState<Running> | undefined
  for (const task of tasks) {
    const isOnDisk = task.backend?.localStore !== undefined
    for (const table of task.backend?.usage() ?? []) {
      if (isOnDisk && table.isInMemory !== true) continue
      if (largest === undefined || table.bytesEstimate > largest.table.bytesEstimate) largest = { task, table }
    }
  }
  return largest
}

/** Sentences about them. */
export function describeHolders<Running extends StatefulTask>(
  tasks: readonly Running[],
  largest: LargestState<Running> | undefined,
): string {
  const stores = tasks.flatMap(({ backend }) => backend?.localStore?.() ?? [])
  const sentences: string[] = []
  if (largest !== undefined && (stores.length === 0 || largest.table.entries > 0)) {
    const { table, task } = largest
    sentences.push(
      `Most is held by the state "${table.name}" of "${table.operatorUid}" in ${task.task.name}: ${table.entries} entries.`,
    )
  }
  if (stores.length > 0) {
    const cached = stores.reduce((bytes, { cacheBytes }) => bytes + cacheBytes, 0)
    sentences.push(`Of the keyed state on the local disk ${mebibytes(cached)} are in its caches.`)
  }
  return sentences.length === 0 ? 'No task of it has keyed state.' : sentences.join(' ')
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(0)} MiB`
}
