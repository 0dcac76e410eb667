/** The entries of an export, as `millrace state export` writes it: JSON lines, read again without loss. */
import { type FileHandle, open } from 'node:fs/promises'
import { MillraceError, nearestName } from '@millrace/api'
import { valueFromJson } from '@millrace/core'
import type { StoredStateEntry, Values } from './operator-state.ts'

/**
 * Reads an export: the file at a path, or its lines; of one operator, where there are several. Throws `INPUT_MALFORMED` with
 * the number of the line, `INPUT_NOT_FOUND`, `INPUT_UNREADABLE`, and `STATE_NOT_FOUND` for an operator of which an export of
 * others holds nothing.
 */
export async function* exportedEntries(
  from: string | Values<string>,
  operator?: string,
): AsyncGenerator<StoredStateEntry> {
  let number = 0
  const others = new Set<string>()
  let isFound = false
  for await (const line of typeof from === 'string' ? linesOf(from) : from) {
    number++
    if (line.trim() === '') continue
    let entry: ExportedEntry
    try {
      entry = parseLine(line)
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause)
      throw new MillraceError('INPUT_MALFORMED', `Line ${number} of the export is no entry of state: ${problem}`, {
        details: { line: number },
        hint: 'Give the lines that millrace state export has written.',
        cause,
      })
    }
    if (operator === undefined || entry.operator === operator) {
      isFound = true
      yield entry
    } else others.add(entry.operator)
  }
  // A misspelt uid would make a savepoint without state.
  if (operator !== undefined && !isFound && others.size > 0) throw notExported(operator, [...others])
}

function notExported(operator: string, others: readonly string[]): MillraceError {
  const near = nearestName(operator, others)
  const has = `It has ${others.join(', ')}. Where the operator holds nothing, leave it out.`
  return new MillraceError('STATE_NOT_FOUND', `The export holds no entry of operator "${operator}"`, {
    details: { operator },
    hint: near === undefined ? has : `Did you mean "${near}"? ${has}`,
  })
}

/** Opened when the first line is asked for: a reader of lines that waits loses those that come meanwhile. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('INPUT_NOT_FOUND', `The export ${path} cannot be opened: ${why}`, {
      details: { path },
      hint: 'millrace state export <snapshot> > <file> writes one.',
      cause,
    })
  }
  try {
    yield* file.readLines({ autoClose: false })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('INPUT_UNREADABLE', `The export ${path} cannot be read: ${why}`, {
      details: { path },
      hint: 'Name the file that millrace state export has written.',
      cause,
    })
  } finally {
    await file.close()
  }
}

type ExportedEntry = StoredStateEntry & { readonly operator: string }

function parseLine(line: string): ExportedEntry {
  const json: unknown = JSON.parse(line)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new TypeError('it is no object')
  const fields = json as Readonly<Record<string, unknown>>
  const { operator, state, keyGroup, key, mapKey, time, value, writtenAtMs, elementTimesMs } = fields
  if (typeof operator !== 'string' || typeof state !== 'string') throw new TypeError('it names no operator or state')
  if (key === undefined || value === undefined) throw new TypeError('it has no key or no value')
  const sub = mapKey === undefined ? time : valueFromJson(mapKey)
  return {
    operator,
    state,
    key: valueFromJson(key),
    sub,
    value: valueFromJson(value),
    ...(typeof keyGroup === 'number' ? { keyGroup } : {}),
    ...(typeof writtenAtMs === 'number' ? { writtenAtMs } : {}),
    ...(Array.isArray(elementTimesMs) ? { elementTimesMs: elementTimesMs.map(Number) } : {}),
  }
}
