/**
 * The storage in folders on a real file system of two megabytes that gets full. It is mounted in a name space of its own, so
 * that no rights are needed; where a system does not allow that, the test says so and is skipped. The file runs itself once
 * more in there.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NodeFileSystem } from '@millrace/runtime'
import { FileStorageWorld } from '../../src/storage-conformance/file-storage-world.ts'
import { checkpointStorageConformance } from '../../src/storage-conformance/storage-conformance.ts'

const VARIABLE = 'MILLRACE_SMALL_FILE_SYSTEM'
const MOUNT = 'mount -t tmpfs -o size=2m,mode=700 none "$1"'
const disk = process.env[VARIABLE]

if (disk === undefined) runWithin()
else {
  let worlds = 0
  const ballast = join(disk, 'ballast')
  checkpointStorageConformance(
    'FileCheckpointStorage on a small file system',
    async () => {
      const root = join(disk, `world-${++worlds}`)
      await mkdir(root)
      const files = new NodeFileSystem()
      return new FileStorageWorld({
        root,
        mount: () => files,
        // Whole pages go: there is either no room at all or plenty.
        setCapacity: (bytes) => (bytes === undefined ? rmSync(ballast, { force: true }) : fill(ballast)),
        end: async () => {
          await rm(ballast, { force: true })
          await rm(root, { recursive: true, force: true })
        },
      })
    },
    { stride: 9 },
  )
}

function runWithin(): void {
  test('the suite of all storages, on a small file system that is mounted for it', (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-small-disk-'))
    try {
      const within = (command: string, ...args: string[]) =>
        spawnSync('unshare', ['-Urm', 'sh', '-c', command, 'sh', folder, ...args], {
          encoding: 'utf8',
          env: { ...process.env, [VARIABLE]: folder, NODE_TEST_CONTEXT: undefined },
        })
      const probe = within(MOUNT)
      if (probe.status !== 0) {
        return context.skip(`no file system can be mounted here: ${probe.error?.message ?? probe.stderr.trim()}`)
      }
      const node = [process.execPath, '--conditions=@millrace/source', '--test', '--test-reporter=tap']
      const { status, stdout, stderr } = within(
        `${MOUNT} && shift && exec "$@"`,
        ...node,
        fileURLToPath(import.meta.url),
      )
      assert.equal(status, 0, `${stdout}\n${stderr}`)
      assert.match(stdout, /^# skipped 0$/m, 'there it can be filled up')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

/** Writes until there is no room for a single byte. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (const bytes of [65_536, 4_096, 1]) {
      const piece = Buffer.alloc(bytes)
      for (let hasRoom = true; hasRoom; ) {
        try {
          writeSync(file, piece)
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
          hasRoom = false
        }
      }
    }
  } finally {
    closeSync(file)
  }
}
