/**
 * Key groups: the unit in which keyed state belongs to subtasks. A key's group depends on the key and the maximum
 * parallelism only; which subtask owns the group depends on the parallelism too. Every subtask owns one unbroken range.
 */
import type { KeyGroupRange } from '../state/state-backend.ts'
import { hashKey } from './key-hash.ts'

export const MAX_PARALLELISM_LIMIT = 32_768
const MAX_PARALLELISM_LEAST = 128

/** The key group of a key, `0 … maxParallelism − 1`. Throws `KEY_INVALID` for what is no key. */
export function keyGroupOf(key: unknown, maxParallelism: number): number {
  return keyGroupOfHash(hashKey(key), maxParallelism)
}

/** The key group of a key with this hash (`hashKey`). */
export function keyGroupOfHash(hash: number, maxParallelism: number): number {
  return (hash >>> 0) % maxParallelism
}

/** The subtask that owns a key group. */
export function subtaskOfKeyGroup(keyGroup: number, parallelism: number, maxParallelism: number): number {
  return Math.floor((keyGroup * parallelism) / maxParallelism)
}

/** The key groups that a subtask owns; an empty range where there are more subtasks than key groups. */
export function keyGroupRange(subtask: number, parallelism: number, maxParallelism: number): KeyGroupRange {
  return {
    first: Math.ceil((subtask * maxParallelism) / parallelism),
    last: Math.ceil(((subtask + 1) * maxParallelism) / parallelism) - 1,
  }
}

/** 128 up to parallelism 85, else the next power of two of 1.5 × parallelism, at most 32,768. */
export function defaultMaxParallelism(parallelism: number): number {
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, 1.5 * parallelism)))
  return Math.min(Math.max(wanted, MAX_PARALLELISM_LEAST), MAX_PARALLELISM_LIMIT)
}
