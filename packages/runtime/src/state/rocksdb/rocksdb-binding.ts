/**
 * The native module with RocksDB, which a user installs beside Millrace: it is large and not prebuilt for every platform.
 *
 * Its functions are used, not its class: the class keeps every iterator and batch that was made until the database is closed, and
 * says only a turn later that a range could not be removed.
 */
import { createRequire } from 'node:module'
import { arch, platform } from 'node:process'
import { MillraceError } from '@millrace/api'

const PACKAGE = '@nxtedition/rocksdb'

declare const handle: unique symbol
/** What the module hands out and takes back. */
export interface DatabaseHandle {
  readonly [handle]: 'database'
}
export interface IteratorHandle {
  readonly [handle]: 'iterator'
}
export interface BatchHandle {
  readonly [handle]: 'batch'
}

type Done = (error: Error | null) => void

/** What is used of it. Everything but opening and closing is done when the call returns. */
export interface RocksdbBinding {
  db_init(path: string): DatabaseHandle
  db_open(database: DatabaseHandle, options: object, done: Done): void
  db_close(database: DatabaseHandle, done: Done): void
  db_get_many_sync(
    database: DatabaseHandle,
    keys: readonly Uint8Array[],
    options: object,
  ): (Uint8Array | undefined | null)[]
  db_clear(database: DatabaseHandle, range: object): void
  db_get_property(database: DatabaseHandle, name: string): string
  iterator_init(database: DatabaseHandle, options: object): IteratorHandle
  iterator_seek(iterator: IteratorHandle, key: Uint8Array): void
  iterator_nextv_sync(
    iterator: IteratorHandle,
    count: number,
  ): { readonly rows: readonly Uint8Array[]; readonly finished: boolean }
  iterator_close(iterator: IteratorHandle): void
  batch_init(): BatchHandle
  batch_put(batch: BatchHandle, key: Uint8Array, value: Uint8Array, options: undefined): void
  batch_del(batch: BatchHandle, key: Uint8Array, options: undefined): void
  batch_clear(batch: BatchHandle): void
  batch_write(database: DatabaseHandle, batch: BatchHandle, options: undefined): void
}

const FUNCTIONS = [
  'db_init',
  'db_open',
  'db_close',
  'db_get_many_sync',
  'db_clear',
  'db_get_property',
  'iterator_init',
  'iterator_seek',
  'iterator_nextv_sync',
  'iterator_close',
  'batch_init',
  'batch_put',
  'batch_del',
  'batch_clear',
  'batch_write',
] as const satisfies readonly (keyof RocksdbBinding)[]

/** `require`: where it is looked for; by default from here. Throws `STATE_BACKEND_UNAVAILABLE`. */
export function loadRocksdbBinding(require: (id: string) => unknown = createRequire(import.meta.url)): RocksdbBinding {
  let loaded: unknown
  try {
    loaded = require(`${PACKAGE}/binding.js`)
  } catch (cause) {
    const isMissing = (cause as { code?: unknown }).code === 'MODULE_NOT_FOUND'
    throw unavailable(
      isMissing ? 'is not installed' : `cannot be loaded on ${platform}-${arch}: ${messageOf(cause)}`,
      cause,
    )
  }
  const missing = FUNCTIONS.filter((name) => typeof (loaded as Record<string, unknown>)[name] !== 'function')
  if (missing.length > 0)
    throw unavailable(`is of a version that Millrace does not know: it lacks ${missing.join(', ')}`)
  return loaded as RocksdbBinding
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split('\n')[0] as string) : String(cause)
}

function unavailable(what: string, cause?: unknown): MillraceError {
  return new MillraceError('STATE_BACKEND_UNAVAILABLE', `state.backend.type is rocksdb, and ${PACKAGE} ${what}.`, {
    details: { backend: 'rocksdb', package: PACKAGE, platform: `${platform}-${arch}` },
    hint: `Install it beside millrace (npm install ${PACKAGE}@12.2; prebuilt for linux-x64 and darwin-arm64), or take state.backend.type: segments, which needs nothing.`,
    ...(cause === undefined ? {} : { cause }),
  })
}
