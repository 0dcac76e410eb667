/**
 * How much heap a slot may hold, and what V8 is told. Pure. The budget is what the slot checks itself against; V8's own
 * limit lies far above it, because V8 ends the whole process, not the thread, when one allocation does not fit below
 * its limit: a JavaScript map that doubles needs three times what it has, and a turn allocates before the next check.
 * The limit reserves nothing.
 */

const LIMIT_FACTOR = 3
const LIMIT_EXTRA_BYTES = 256 * 1_048_576
/** Of the machine's memory, for all slots together; the rest is for rings, the coordinator and everything else. */
const MACHINE_SHARE = 0.5

/** `configuredBytes`: `taskmanager.memory.task.heap.size`; without it the slots share the machine's memory. */
export function decideHeapBudgetBytes(
  configuredBytes: number | undefined,
  machine: { readonly memoryBytes: number; readonly slots: number },
): number {
  return configuredBytes ?? Math.floor((machine.memoryBytes * MACHINE_SHARE) / Math.max(1, machine.slots))
}

/** V8's limit for the old generation of a slot with this budget, in MiB as `resourceLimits` takes it. */
export function decideHeapLimitMb(budgetBytes: number): number {
  return Math.ceil((budgetBytes * LIMIT_FACTOR + LIMIT_EXTRA_BYTES) / 1_048_576)
}
