/**
 * What timers cost: `--timers` of them are set at times of their own, half are taken back, the others fire. Shows the
 * heap that a timer takes and the time of each step. `node scripts/run.mjs bench/timers/main.ts --timers 2000000`; give Node
 * `--expose-gc` for heap figures that do not count garbage.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { hashKey, keyGroupOf, keyGroupRange, TimerQueue } from '@millrace/core'
import { HeapStateBackend } from '@millrace/runtime'

const MAX_PARALLELISM = 128
const { values } = parseArgs({
  options: {
    timers: { type: 'string', default: '2000000' },
    /** Timers that share a time: 1 as by records with a time each, more as by whole seconds or minutes. */
    together: { type: 'string', default: '1' },
  },
})
const timers = Number(values.timers)
const together = Number(values.together)

const backend = new HeapStateBackend({
  keyGroups: keyGroupRange(0, 1, MAX_PARALLELISM),
  maxParallelism: MAX_PARALLELISM,
  now: Date.now,
  monotonicMs: () => performance.now(),
})
const queue = new TimerQueue(backend, 'bench', 'event')
/** Neither in order nor all the same distance apart, as with sessions. */
const timeOf = (i: number): number => Math.floor(((i * 48_271) % timers) / together)
const select = (i: number): void => {
  const key = `user-${i}`
  backend.setCurrentKey(key, keyGroupOf(key, MAX_PARALLELISM), hashKey(key))
}

const before = heapBytes()
const set = timed(() => {
  for (let i = 0; i < timers; i++) {
    select(i)
    queue.register(timeOf(i))
  }
})
const bytes = heapBytes() - before
const again = timed(() => {
  for (let i = 0; i < timers; i++) {
    select(i)
    queue.register(timeOf(i))
  }
})
const cancelled = timed(() => {
  for (let i = 0; i < timers; i += 2) {
    select(i)
    queue.delete(timeOf(i))
  }
})
const bytesCancelled = heapBytes() - before
let calls = 0
const fired = timed(() => {
  const isBlocked = (): boolean => false
  while (!queue.fireUpTo(Number.MAX_SAFE_INTEGER, { units: 4_096 }, isBlocked, () => calls++));
})
const bytesFired = heapBytes() - before

console.log(`${timers} timers, ${together} at a time, ${calls} fired`)
console.log(
  `heap per timer      ${(bytes / timers).toFixed(0)} bytes; half of them taken back ${mebibytes(bytesCancelled)} MiB of ${mebibytes(bytes)}, after all ${mebibytes(bytesFired)} MiB`,
)
for (const [what, ms, count] of [
  ['set', set, timers],
  ['set again', again, timers],
  ['taken back', cancelled, Math.ceil(timers / 2)],
  ['fired', fired, calls],
] as const) {
  console.log(`${what.padEnd(19)} ${((ms * 1_000) / count).toFixed(2)} µs each`)
}

function timed(run: () => void): number {
  const startMs = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(startMs)
  return (user + system) / 1_000
}

function heapBytes(): number {
  ;(globalThis as { gc?: () => void }).gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(0)
}
