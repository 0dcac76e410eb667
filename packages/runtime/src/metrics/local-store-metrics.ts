/** Writes what a backend keeps on the local disk into the metrics of its task; of a backend that has nothing there they stay 0. */
import type { KeyedStateBackend } from '@millrace/core'
import type { TaskMetricsWriter } from './task-metrics.ts'

export function publishLocalStore(
  backend: Pick<KeyedStateBackend, 'localStore'>,
  metrics: Pick<TaskMetricsWriter, 'set'>,
): void {
  const store = backend.localStore?.()
  if (store === undefined) return
  metrics.set('stateCacheHits', store.cacheHits)
  metrics.set('stateCacheMisses', store.cacheMisses)
  metrics.set('stateCacheBytes', store.cacheBytes)
  metrics.set('stateDiskBytes', store.diskBytes)
  metrics.set('stateDiskDeadShare', store.deadShare)
  metrics.set('stateDiskCleanedBytes', store.cleanedBytes)
}
