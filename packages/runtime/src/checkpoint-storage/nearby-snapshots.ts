/** What a user may have meant who named a folder that is no checkpoint or savepoint itself. Reads only. */
import type { FileSystem } from '@millrace/api'
import { MANIFEST_FILE } from './manifest-file.ts'

/** Names that advice shows; of more than these the last ones, which are the newest of checkpoints. */
const SHOWN_MAX = 5

/**
 * The folders in `folder` that hold a manifest, as advice; `undefined` where there is none, or where nobody can look: what
 * was asked for has failed already, and that is what is to be told.
 */
export async function adviseOnFolder(files: FileSystem, folder: string): Promise<string | undefined> {
  const names = await namesIn(files, folder).catch((): readonly string[] => [])
  const shown = names.slice(-SHOWN_MAX)
  const last = shown.at(-1)
  if (last === undefined) return undefined
  const more = names.length > shown.length ? `${names.length - shown.length} more and ` : ''
  return `It holds ${more}${shown.join(', ')}: name one of these, as ${folder}/${last}.`
}

async function namesIn(files: FileSystem, folder: string): Promise<readonly string[]> {
  if ((await files.stat(folder))?.kind !== 'folder') return []
  const names: string[] = []
  for (const { name, kind } of await files.list(folder)) {
    if (kind === 'folder' && (await files.stat(`${folder}/${name}/${MANIFEST_FILE}`)) !== undefined) names.push(name)
  }
  return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}
