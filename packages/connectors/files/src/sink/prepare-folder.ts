/**
 * Makes an output folder fit for an attempt: refuses one with parts of another run or parts newer than the restored
 * checkpoint, unless the user said what to do with them, and removes what earlier attempts of this job left unfinished.
 * What is not named as a part of this sink is never touched.
 */

import { posix } from 'node:path'
import {
  FileError,
  type FileErrorKind,
  type FileSystem,
  type FolderEntry,
  MillraceError,
  type SinkTargetContext,
} from '@millrace/api'
import { holdsRecorded } from './copy-open-part.ts'
import type { OpenPartState, PartCommittable, PartWriterState } from './part-file.ts'
import {
  type FinishedPartName,
  parseFinishedPartName,
  parseTemporaryPartName,
  partKey,
  type SinkIdentity,
  sinkIdentity,
} from './part-file-name.ts'

/** What a fresh run does with the finished parts of other runs. */
export type ExistingParts = 'refuse' | 'append' | 'overwrite'

interface FoundPart extends FinishedPartName {
  readonly name: string
}

const NAMES_SHOWN = 10
const LINEAGE_SHOWN = 8

/** Says whether `prepareFolder` would refuse; changes nothing. Throws as it does. */
export async function checkFolder(
  folder: string,
  prefix: string,
  existing: ExistingParts,
  context: SinkTargetContext,
): Promise<void> {
  await describingFailures(folder, async () => {
    const facts = await context.files.stat(folder)
    if (facts === undefined) return
    refuseParts(folder, existing, context, finishedParts(prefix, context, await context.files.list(folder)))
  })
}

/** Throws `SINK_FOLDER_IN_USE`, `SINK_FOLDER_UNUSABLE`, `SINK_NEWER_PARTS` or `SINK_WRITE_FAILED`. */
export async function prepareFolder(
  folder: string,
  prefix: string,
  existing: ExistingParts,
  context: SinkTargetContext,
): Promise<void> {
  await describingFailures(folder, async () => {
    await makeFolderDurably(context.files, folder)
    const entries = await context.files.list(folder)
    const sink = sinkIdentity(context.lineage, context.uid)
    await applyToFinishedParts(folder, prefix, existing, context, sink, entries)
    await takeBackCopies(prefix, context)
    await removeLeftOvers(folder, prefix, context, sink, entries)
    await context.files.syncFolder(folder)
  })
}

async function describingFailures(folder: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('SINK_WRITE_FAILED', `The output folder "${folder}" could not be prepared: ${reason}`, {
      details: { folder },
      cause,
    })
  }
}

async function applyToFinishedParts(
  folder: string,
  prefix: string,
  existing: ExistingParts,
  context: SinkTargetContext,
  sink: SinkIdentity,
  entries: readonly FolderEntry[],
): Promise<void> {
  const parts = finishedParts(prefix, context, entries)
  refuseParts(folder, existing, context, parts)
  const { foreign, newer } = parts
  if (foreign.length > 0 && existing === 'overwrite') {
    for (const { name } of foreign) await context.files.remove(posix.join(folder, name))
    context.report(`Removed ${foreign.length} part files of other runs from "${folder}".`)
  }
  await discardNewer(
    folder,
    context,
    newer.filter((part) => part.sink === sink.sink),
  )
}

interface FinishedParts {
  /** Of other runs, when this is a fresh one. */
  readonly foreign: readonly FoundPart[]
  /** Of this history, committed after the restored checkpoint. */
  readonly newer: readonly FoundPart[]
}

function finishedParts(prefix: string, context: SinkTargetContext, entries: readonly FolderEntry[]): FinishedParts {
  const lineage = context.lineage.slice(0, LINEAGE_SHOWN)
  const finished = entries.flatMap(({ name, kind }): FoundPart[] => {
    const parsed = kind === 'file' ? parseFinishedPartName(prefix, name) : undefined
    return parsed === undefined ? [] : [{ ...parsed, name }]
  })
  const isFresh = context.restoredCheckpoint === undefined && context.firstAttempt
  return {
    foreign: isFresh ? finished.filter((part) => part.lineage !== lineage) : [],
    newer: finished.filter((part) => part.lineage === lineage && part.epoch > (context.restoredCheckpoint ?? 0)),
  }
}

function refuseParts(
  folder: string,
  existing: ExistingParts,
  context: SinkTargetContext,
  { foreign, newer }: FinishedParts,
): void {
  if (foreign.length > 0 && existing === 'refuse') throw inUse(folder, foreign)
  if (newer.length > 0 && !context.discardNewer) throw newerParts(folder, newer, context.restoredCheckpoint)
}

/** Removes newer parts, but gives one back its temporary name when the restored checkpoint continues it. */
async function discardNewer(folder: string, context: SinkTargetContext, newer: readonly FoundPart[]): Promise<void> {
  const { files } = context
  for (const { name, part } of newer) {
    const path = posix.join(folder, name)
    const state = openParts(context).find((open) => partKey(open.part) === partKey(part))
    const temporary = state === undefined ? undefined : posix.join(state.folder, state.temporary)
    if (temporary !== undefined && (await files.stat(temporary)) === undefined) await files.rename(path, temporary)
    else await files.remove(path)
  }
  if (newer.length > 0) {
    context.report(`Removed ${newer.length} part files from "${folder}" that are newer than the restored checkpoint.`)
  }
}

/**
 * An older checkpoint may name a part that has been continued as a copy since, and its own file is gone: the copy begins
 * with the same bytes and takes its place.
 */
async function takeBackCopies(prefix: string, { files, ...context }: SinkTargetContext): Promise<void> {
  for (const state of openParts(context)) {
    const path = posix.join(state.folder, state.temporary)
    if ((await files.stat(path)) !== undefined || (await files.stat(state.folder)) === undefined) continue
    for (const { name } of await files.list(state.folder)) {
      const copy = parseTemporaryPartName(prefix, name)
      if (copy?.lineage !== context.lineage || partKey(copy.part) !== partKey(state.part)) continue
      if (!(await holdsRecorded(files, posix.join(state.folder, name), state))) continue
      await files.rename(posix.join(state.folder, name), path)
      break
    }
  }
}

async function removeLeftOvers(
  folder: string,
  prefix: string,
  context: SinkTargetContext,
  sink: SinkIdentity,
  entries: readonly FolderEntry[],
): Promise<void> {
  const needed = new Set(openParts(context).map(({ temporary }) => temporary))
  for (const committable of context.pending as readonly PartCommittable[]) needed.add(committable.temporary)
  let removed = 0
  for (const { name, kind } of entries) {
    if (kind !== 'file' || needed.has(name)) continue
    const parsed = parseTemporaryPartName(prefix, name)
    if (parsed?.lineage !== sink.lineage || parsed.sink !== sink.sink) continue
    await context.files.remove(posix.join(folder, name))
    removed++
  }
  if (removed > 0 && context.firstAttempt) {
    context.report(`Removed ${removed} unfinished part files of this job from "${folder}".`)
  }
}

function openParts(context: Pick<SinkTargetContext, 'writerStates'>): readonly OpenPartState[] {
  return (context.writerStates as readonly PartWriterState[]).filter((state) => state.kind === 'open')
}

/** Makes a folder and its parents with names that are durable. Throws `SINK_FOLDER_UNUSABLE` for what no later attempt can mend. */
async function makeFolderDurably(files: FileSystem, folder: string): Promise<void> {
  let isMissing = false
  for (let path = posix.normalize(folder); ; path = posix.dirname(path)) {
    const facts = await files.stat(path)
    if (facts?.kind === 'file') {
      throw unusable(folder, path === posix.normalize(folder) ? 'it is a file' : `"${path}" is a file`)
    }
    if (facts !== undefined || path === posix.dirname(path)) break
    isMissing = true
  }
  try {
    if (isMissing) await files.makeFolder(folder)
  } catch (cause) {
    if (cause instanceof FileError && PERMANENT.has(cause.kind)) throw unusable(folder, cause.message, cause)
    throw cause
  }
  await makeNamesDurable(files, folder)
}

/** Also of folders that are there: their maker may have been killed before. What is not ours to sync (`denied`) was there before us. */
async function makeNamesDurable(files: FileSystem, folder: string): Promise<void> {
  for (let path = posix.normalize(folder); path !== posix.dirname(path); path = posix.dirname(path)) {
    try {
      await files.syncFolder(posix.dirname(path))
    } catch (error) {
      if (!(error instanceof FileError) || error.kind !== 'denied') throw error
      return
    }
  }
}

/** Why a folder cannot be made that another attempt would meet again. */
const PERMANENT: ReadonlySet<FileErrorKind> = new Set(['exists', 'not-found', 'denied'])

function unusable(folder: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('SINK_FOLDER_UNUSABLE', `"${folder}" cannot be the output folder: ${reason}`, {
    details: { folder },
    hint: 'Choose another path; parts of the output are written into a folder.',
    ...(cause === undefined ? {} : { cause }),
  })
}

function inUse(folder: string, parts: readonly FoundPart[]): MillraceError {
  return new MillraceError('SINK_FOLDER_IN_USE', `"${folder}" holds ${describeParts(parts)} of another run`, {
    details: { folder, parts: parts.length },
    hint: 'Choose another folder, or existing: "append" to keep them or existing: "overwrite" to remove them.',
  })
}

function newerParts(folder: string, parts: readonly FoundPart[], restored: number | undefined): MillraceError {
  const since = restored === undefined ? 'the start, which no checkpoint follows' : `checkpoint ${restored}`
  return new MillraceError(
    'SINK_NEWER_PARTS',
    `"${folder}" holds ${describeParts(parts)} that this job committed after ${since}`,
    {
      details: { folder, parts: parts.length, restoredCheckpoint: restored },
      hint: 'Restore a newer checkpoint, or let them be removed with --discard-newer: their records are written again.',
    },
  )
}

function describeParts(parts: readonly FoundPart[]): string {
  const names = parts.slice(0, NAMES_SHOWN).map(({ name }) => name)
  const more = parts.length > NAMES_SHOWN ? ` and ${parts.length - NAMES_SHOWN} more` : ''
  return `${parts.length === 1 ? 'the part file' : 'the part files'} ${names.join(', ')}${more}`
}
