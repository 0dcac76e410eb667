/** The machine's disk for tests of this package; the runtime has its own. */

import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { FileError, type FileSystem } from '@millrace/api'

async function translate<R>(path: string, act: () => Promise<R>): Promise<R> {
  try {
    return await act()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const kind = code === 'ENOENT' ? 'not-found' : code === 'EEXIST' ? 'exists' : 'io'
    throw new FileError(kind, path, message, { cause })
  }
}

export const diskFileSystem: FileSystem = {
  openRead: (path) =>
    translate(path, async () => {
      const handle = await open(path, 'r')
      return {
        path,
        read: async (into, position) => (await handle.read(into, 0, into.length, position)).bytesRead,
        sizeBytes: async () => (await handle.stat()).size,
        close: () => handle.close(),
      }
    }),
  create: (path, options = {}) =>
    translate(path, async () => {
      const { O_WRONLY, O_CREAT, O_EXCL, O_TRUNC } = constants
      const handle = await open(path, O_WRONLY | O_CREAT | (options.exclusive === true ? O_EXCL : O_TRUNC))
      let lengthBytes = 0
      return {
        path,
        get lengthBytes() {
          return lengthBytes
        },
        write: async (bytes) => {
          await handle.write(bytes)
          lengthBytes += bytes.length
        },
        sync: () => handle.sync(),
        close: () => handle.close(),
      }
    }),
  makeFolder: (path) => translate(path, async () => void (await mkdir(path, { recursive: true }))),
  list: (path) =>
    translate(path, async () => {
      const entries = await readdir(path, { withFileTypes: true })
      return entries
        .map((entry) => ({ name: entry.name, kind: entry.isDirectory() ? ('folder' as const) : ('file' as const) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
    }),
  stat: async (path) => {
    const facts = await stat(path).catch(() => undefined)
    if (facts === undefined) return undefined
    return { kind: facts.isDirectory() ? 'folder' : 'file', sizeBytes: facts.size, modifiedMs: facts.mtimeMs }
  },
  rename: (from, to) => translate(from, () => rename(from, to)),
  remove: async (path) => {
    const existed = (await stat(path).catch(() => undefined)) !== undefined
    await rm(path, { force: true })
    return existed
  },
  removeFolder: (path) => translate(path, () => rmdir(path)),
  syncFolder: (path) =>
    translate(path, async () => {
      const handle = await open(path, 'r')
      await handle.sync()
      await handle.close()
    }),
}
