/**
 * From the values of one key group to its segments. Records go through the job's own state handles and timers over a
 * backend that holds this group alone, so what is stored is what the function itself would have stored; stored entries are
 * written as they are.
 */
import { MillraceError, nearestName, synchronousResult } from '@millrace/api'
import {
  assertEncodable,
  convertEntry,
  createStateHandles,
  type DeclaredTable,
  decideReading,
  encodeWhole,
  finishedSegmentChecksum,
  hashKey,
  type OperatorHost,
  refuseLoss,
  SegmentWriter,
  type SnapshotPiece,
  type TableDescriptor,
  TimerQueue,
  valueToJson,
} from '@millrace/core'
import { HeapStateBackend } from '../state/heap/heap-state-backend.ts'
import type { OperatorState, StoredStateEntry } from './operator-state.ts'

/** What is written, and where to. */
export interface SegmentTarget {
  readonly checkpointId: number
  readonly operatorUid: string
  readonly operatorName: string
  readonly keyGroup: number
  readonly maxParallelism: number
  /** Wall clock, epoch ms, for what does not say when it was written. */
  readonly nowMs: number
}

/** A stored entry on its way to its key group. */
export interface AddressedEntry {
  readonly table: number
  readonly key: unknown
  readonly sub: unknown
  readonly value: unknown
  readonly writtenAtMs: number | undefined
  readonly elementTimesMs: readonly number[] | undefined
}

/** None when nothing came of the records. Throws `USER_FUNCTION_FAILED` that names operator and key. */
export async function segmentsOfRecords(
  target: SegmentTarget,
  { states, hasOnTimer, options }: OperatorState & { readonly kind: 'records' },
  records: AsyncIterable<unknown>,
): Promise<readonly SnapshotPiece[]> {
  const { keyGroup, maxParallelism, operatorUid, operatorName, checkpointId } = target
  let writtenAtMs = target.nowMs
  const backend = new HeapStateBackend({
    keyGroups: { first: keyGroup, last: keyGroup },
    maxParallelism,
    now: () => writtenAtMs,
    monotonicMs: () => 0,
  })
  const state = createStateHandles(
    hostOf(target, backend, () => writtenAtMs),
    states,
    () => writtenAtMs,
  )
  const timers = {
    event: new TimerQueue(backend, operatorUid, 'event'),
    processing: new TimerQueue(backend, operatorUid, 'processing'),
  }
  const register = (domain: 'event' | 'processing', at: number): void => {
    if (!Number.isFinite(at)) {
      throw new MillraceError('TIMESTAMP_INVALID', `A timer was asked for at ${String(at)}, which is no time.`, {
        hint: 'Timers take epoch milliseconds.',
      })
    }
    if (!hasOnTimer) {
      throw new MillraceError('USER_FUNCTION_FAILED', 'A timer was asked for, but the function has no onTimer.')
    }
    timers[domain].register(at)
  }
  const context = {
    get key() {
      return backend.currentKey
    },
    state,
    timers: {
      eventTime: (at: number) => register('event', at),
      processingTime: (at: number) => register('processing', at),
    },
  }
  for await (const record of records) {
    const key: unknown = options.key(record)
    backend.setCurrentKey(key, keyGroup, hashKey(key))
    try {
      writtenAtMs = options.writtenAtMs?.(record) ?? target.nowMs
      synchronousResult('write', options.write(record, context))
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      const code = cause instanceof MillraceError ? cause.code : 'USER_FUNCTION_FAILED'
      throw new MillraceError(code, `write for operator "${operatorName}", key ${shown(key)}, failed: ${message}`, {
        details: { operator: operatorName, uid: operatorUid, key: shown(key) },
        ...(cause instanceof MillraceError && cause.hint !== undefined ? { hint: cause.hint } : {}),
        cause,
      })
    }
  }
  const pieces = encodeWhole(backend.beginSnapshot(checkpointId, () => 'base'))
  backend.close()
  return pieces
}

/** The segments of entries that `addressEntry` has looked at. */
export async function segmentsOfEntries(
  { checkpointId, operatorUid, keyGroup }: SegmentTarget,
  tables: readonly TableDescriptor[],
  entries: AsyncIterable<unknown>,
): Promise<readonly SnapshotPiece[]> {
  const writer = new SegmentWriter({ kind: 'base', checkpointId, operatorUid, keyGroup, tables })
  for await (const entry of entries) {
    const { table, key, sub, value, writtenAtMs, elementTimesMs } = entry as AddressedEntry
    writer.put(table, key, sub, value, writtenAtMs, elementTimesMs)
  }
  const written = writer.entries
  const whole = { operatorUid, keyGroup, kind: 'base', isContinuation: false } as const
  const bytes = writer.finish()
  return [{ ...whole, bytes, crc32c: finishedSegmentChecksum(bytes), entries: written }]
}

/** Checks an entry against the job's tables. Throws `STATE_NOT_FOUND` for another state, `STATE_MISREAD` for another form. */
export function addressEntry(
  entry: StoredStateEntry,
  declared: readonly DeclaredTable[],
  { uid, nowMs }: { readonly uid: string; readonly nowMs: number },
): AddressedEntry {
  const name = typeof entry.state === 'string' ? entry.state : entry.state.name
  const table = declared.findIndex(({ descriptor }) => descriptor.name === name)
  const place = declared[table]
  if (place === undefined) {
    const names = declared.map((one) => one.descriptor.name)
    const nearest = nearestName(name, names)
    throw new MillraceError('STATE_NOT_FOUND', `The operator "${uid}" of the job has no state "${name}"`, {
      details: { operator: uid, state: name },
      hint: nearest === undefined ? `It has ${names.join(', ')}.` : `Did you mean "${nearest}"?`,
    })
  }
  const { kind, ttlMs } = place.descriptor
  const misread = (problem: string): MillraceError =>
    new MillraceError('STATE_MISREAD', `State "${name}" of operator "${uid}", key ${shown(entry.key)}: ${problem}`, {
      details: { operator: uid, state: name, key: shown(entry.key) },
    })
  if (kind === 'list' && !Array.isArray(entry.value)) throw misread('the value of a list state is an array')
  if (kind === 'map' && entry.sub === undefined) throw misread('an entry of a map state has a key within the map')
  if (kind === 'namespaced' && !Number.isFinite(entry.sub)) throw misread('an entry by time has a time, epoch ms')
  if (kind !== 'map' && kind !== 'namespaced' && entry.sub !== undefined) throw misread('it has no inner key')
  if (entry.value === undefined) throw misread('there is no value')
  assertEncodable(entry.value, `state "${name}"`)
  const { key } = entry
  const { sub, value } = asDeclared(entry, place)
  const hasTime = ttlMs !== undefined
  const times = hasTime && kind === 'list' ? entry.elementTimesMs : undefined
  if (times !== undefined && times.length !== (value as readonly unknown[]).length) {
    throw misread('each element has one time')
  }
  const writtenAtMs = hasTime ? (entry.writtenAtMs ?? nowMs) : undefined
  return { table, key, sub, value, writtenAtMs, elementTimesMs: times }
}

/** An entry of which is known how it was declared is read as a restore would read it. */
function asDeclared(entry: StoredStateEntry, place: DeclaredTable): { readonly sub: unknown; readonly value: unknown } {
  const { key, sub, value } = entry
  if (!isDescriptor(entry.state)) return { sub, value }
  const reading = refuseLoss(decideReading(entry.state, place), place)
  if (reading.kind === 'refused') throw new MillraceError(reading.code, reading.problem, { hint: reading.hint })
  return reading.kind === 'as-is' ? { sub, value } : convertEntry({ key, sub, value }, place, reading)
}

function isDescriptor(state: StoredStateEntry['state']): state is TableDescriptor {
  return typeof state === 'object' && 'kind' in state && 'version' in state
}

function hostOf(
  { operatorUid, operatorName }: SegmentTarget,
  state: HeapStateBackend,
  now: () => number,
): OperatorHost {
  const refuse = (): never => {
    throw new MillraceError('INTERNAL', 'Nothing is emitted while a savepoint is written.')
  }
  return {
    uid: operatorUid,
    name: operatorName,
    subtask: 0,
    parallelism: 1,
    developmentMode: false,
    output: { emit: refuse, isFull: false },
    sideOutput: refuse,
    state,
    now,
    counter: () => ({ add: () => {} }),
  }
}

function shown(key: unknown): string {
  return JSON.stringify(valueToJson(key))
}
