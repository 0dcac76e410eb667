/**
 * From the paths that a user wrote to splits, one per file. Names that begin with `.` or `_` are left out of folders
 * and patterns: by convention they are not finished (a file sink writes them so).
 */

import { posix } from 'node:path'
import { FileError, type FileSystem, invalidOption, MillraceError, type SourceSplit } from '@millrace/api'

interface InputFile {
  readonly path: string
  readonly sizeBytes: number
}

/** One path or several, none empty. */
export function checkPaths(call: string, paths: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(paths) ? paths : [paths]
  if (list.length === 0) throw invalidOption(call, 'paths', paths, 'at least one path')
  for (const path of list) {
    if (typeof path !== 'string' || path.trim() === '') throw invalidOption(call, 'paths', path, 'a path')
  }
  return list as readonly string[]
}

/**
 * The files of all paths, as splits with the file's path as id. With `order: 'name'` they are sorted by path, else by
 * path within each given path. Throws `INPUT_NOT_FOUND` for a path that is missing, a folder without
 * files and a pattern that fits none, `OPTION_INVALID` when a file is named twice.
 */
export async function listInputFiles(
  files: FileSystem,
  call: string,
  paths: readonly string[],
  order: 'name' | undefined,
): Promise<readonly SourceSplit[]> {
  const found: InputFile[] = []
  for (const path of paths) found.push(...(await listPath(files, path)))
  if (order === 'name') found.sort((a, b) => (a.path < b.path ? -1 : 1))
  const seen = new Set<string>()
  for (const { path } of found) {
    if (seen.has(path)) throw invalidOption(call, 'paths', path, 'named once only')
    seen.add(path)
  }
  return found.map(({ path, sizeBytes }) => ({
    id: path,
    payload: path,
    size: { unit: 'bytes', amount: sizeBytes },
  }))
}

async function listPath(files: FileSystem, path: string): Promise<InputFile[]> {
  const facts = await statInput(files, path)
  if (facts?.kind === 'file') return [{ path, sizeBytes: facts.sizeBytes }]
  if (facts?.kind === 'folder') {
    const found = await listFolder(files, path, /^[^._]/)
    if (found.length === 0) throw notFound(path, `The input folder "${path}" has no files to read`)
    return found
  }
  const pattern = posix.basename(path)
  if (!/[*?]/.test(pattern)) throw notFound(path, `The input "${path}" does not exist`)
  const matching = await listFolder(files, posix.dirname(path), patternToRegExp(pattern))
  if (matching.length === 0) throw notFound(path, `No file fits the pattern "${path}"`)
  return matching
}

async function listFolder(files: FileSystem, folder: string, names: RegExp): Promise<InputFile[]> {
  const found: InputFile[] = []
  for (const { name, kind } of await listNames(files, folder)) {
    if (kind !== 'file' || !names.test(name)) continue
    const path = posix.join(folder, name)
    const facts = await statInput(files, path)
    // Between listing and looking, a file may go.
    if (facts !== undefined) found.push({ path, sizeBytes: facts.sizeBytes })
  }
  return found
}

/** `*` is any text and `?` any character; a leading one stands for no `.` or `_`. */
function patternToRegExp(pattern: string): RegExp {
  const source = pattern.replace(/[.+^${}()|[\]\\*?]/g, (character) =>
    character === '*' ? '.*' : character === '?' ? '.' : `\\${character}`,
  )
  return new RegExp(`^${/^[*?]/.test(pattern) ? '(?![._])' : ''}${source}$`, 'su')
}

async function listNames(files: FileSystem, folder: string) {
  try {
    return await files.list(folder)
  } catch (cause) {
    if (cause instanceof FileError && cause.kind === 'not-found') {
      throw notFound(folder, `The input folder "${folder}" does not exist`)
    }
    throw unreadable(folder, cause)
  }
}

async function statInput(files: FileSystem, path: string) {
  try {
    return await files.stat(path)
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

export function notFound(path: string, message: string): MillraceError {
  return new MillraceError('INPUT_NOT_FOUND', message, {
    details: { file: path },
    hint: 'Check the path; a relative one starts at the folder that the job is run in.',
  })
}

export function unreadable(path: string, cause: unknown): MillraceError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MillraceError('INPUT_UNREADABLE', `The input "${path}" could not be read: ${reason}`, {
    details: { file: path },
    cause,
  })
}
