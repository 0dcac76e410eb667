/** What slots are told about their state backends, out of a job's configuration. */
import { accessSync, constants, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { MillraceError } from '@millrace/api'
import type { TypedConfig } from '@millrace/core'
import type { SlotStateSettings } from '../slot/slot-backends.ts'

/** Of the heap of a slot, as Flink's managed memory of a task manager. */
const CACHE_SHARE = 0.4
/** The rest of the heap is for the indexes, the records under way and everything else. */
const CACHE_SHARE_MAX = 0.7

/** Throws `CONFIG_INVALID_VALUE` for folders that cannot be used, and for a cache that leaves too little of the heap. */
export function slotStateSettingsOf(config: TypedConfig, heapBudgetBytes: number): SlotStateSettings {
  const type = config.get('state.backend.type')
  const folders = foldersOf(config.get('io.tmp.dirs'))
  const cacheBytes = config.get('taskmanager.memory.managed.size') ?? Math.floor(heapBudgetBytes * CACHE_SHARE)
  if (type === 'segments') {
    for (const folder of folders) checkFolder(folder)
    checkCache(cacheBytes, heapBudgetBytes)
  }
  return { type, cacheBytes, folders }
}

function foldersOf(given: string | undefined): readonly string[] {
  const folders = (given ?? '')
    .split(',')
    .map((folder) => folder.trim())
    .filter((folder) => folder !== '')
  return folders.length === 0 ? [tmpdir()] : folders
}

function checkFolder(folder: string): void {
  try {
    if (!statSync(folder).isDirectory()) throw new Error('it is no folder')
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new MillraceError(
      'CONFIG_INVALID_VALUE',
      `The local state store cannot make files in ${folder}: ${cause instanceof Error ? cause.message : cause}`,
      {
        details: { key: 'io.tmp.dirs', folder },
        hint: 'Name folders in io.tmp.dirs that exist and may be written to.',
        cause,
      },
    )
  }
}

function checkCache(cacheBytes: number, heapBudgetBytes: number): void {
  if (cacheBytes <= heapBudgetBytes * CACHE_SHARE_MAX) return
  throw new MillraceError(
    'CONFIG_INVALID_VALUE',
    `taskmanager.memory.managed.size is ${mebibytes(cacheBytes)}, more than ${CACHE_SHARE_MAX * 100} % of the heap of a slot, ${mebibytes(heapBudgetBytes)}`,
    {
      details: { key: 'taskmanager.memory.managed.size' },
      hint: 'Make it smaller, or taskmanager.memory.task.heap.size larger.',
    },
  )
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`
}
