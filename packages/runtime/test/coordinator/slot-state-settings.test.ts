/** What slots are told about their state backends, and what is refused before a slot starts. */
import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { describe, it } from 'node:test'
import { parseConfig } from '@millrace/core'
import { slotStateSettingsOf } from '../../src/coordinator/slot-state-settings.ts'
import type { SlotStateSettings } from '../../src/slot/slot-backends.ts'

const MB = 1024 ** 2
const FILE = import.meta.filename

describe('slotStateSettingsOf', () => {
  it('keeps state on the heap unless told otherwise', () => {
    assert.equal(settings({}).type, 'hashmap')
  })

  it('gives the cache two fifths of the heap, or what is configured', () => {
    const type = { 'state.backend.type': 'segments' }
    assert.deepEqual(settings(type), {
      type: 'segments',
      cacheBytes: Math.floor(40 * MB),
      snapshotBytesMax: 12.5 * MB,
      folders: [tmpdir()],
    })
    assert.equal(settings({ ...type, 'taskmanager.memory.managed.size': '10 mb' }).cacheBytes, 10 * MB)
  })

  it('lets a snapshot hold 16 MiB of encoded state, of a small heap an eighth', () => {
    assert.equal(slotStateSettingsOf(parseConfig([]), 48 * MB).snapshotBytesMax, 6 * MB)
    assert.equal(slotStateSettingsOf(parseConfig([]), 1_024 * MB).snapshotBytesMax, 16 * MB)
  })

  it('refuses a cache that leaves too little of the heap', () => {
    const given = { 'state.backend.type': 'segments', 'taskmanager.memory.managed.size': '80 mb' }
    assert.throws(() => settings(given), { code: 'CONFIG_INVALID_VALUE', message: /80 MiB.*100 MiB/ })
  })

  it('takes several folders and refuses what is none', () => {
    const type = { 'state.backend.type': 'segments' }
    const two = settings({ ...type, 'io.tmp.dirs': `${tmpdir()}, ${import.meta.dirname}` })
    assert.deepEqual(two.folders, [tmpdir(), import.meta.dirname])
    for (const bad of [FILE, '/does/not/exist']) {
      assert.throws(() => settings({ ...type, 'io.tmp.dirs': bad }), {
        code: 'CONFIG_INVALID_VALUE',
        message: new RegExp(bad.replaceAll('/', '.')),
        hint: /io\.tmp\.dirs/,
      })
    }
    assert.equal(settings({ 'io.tmp.dirs': '/does/not/exist' }).type, 'hashmap', 'not asked for')
  })

  it('gives half of managed memory to RocksDB, by the ratio to write buffers and block cache', () => {
    const type = { 'state.backend.type': 'rocksdb', 'taskmanager.memory.managed.size': '40 mb' }
    assert.deepEqual(settings(type), {
      type: 'rocksdb',
      cacheBytes: 20 * MB,
      snapshotBytesMax: 12.5 * MB,
      folders: [tmpdir()],
      rocksdb: {
        writeBufferBytes: 10 * MB,
        blockCacheBytes: 10 * MB,
        compaction: 'universal',
        threads: 2,
        blockBytes: 4_096,
      },
    })
    const { rocksdb } = settings({
      ...type,
      'state.backend.rocksdb.memory.write-buffer-ratio': '0.2',
      'state.backend.rocksdb.compaction.style': 'level',
      'state.backend.rocksdb.thread.num': '4',
      'state.backend.rocksdb.block.blocksize': '16 kb',
    })
    assert.deepEqual(rocksdb, {
      writeBufferBytes: 4 * MB,
      blockCacheBytes: 16 * MB,
      compaction: 'level',
      threads: 4,
      blockBytes: 16_384,
    })
    const little = settings({ ...type, 'taskmanager.memory.managed.size': '256 kb' })
    assert.deepEqual([little.rocksdb?.writeBufferBytes, little.rocksdb?.blockCacheBytes], [MB, MB], 'never less')
  })

  it('counts of managed memory what is on the heap', () => {
    const type = { 'state.backend.type': 'rocksdb' }
    assert.equal(settings({ ...type, 'taskmanager.memory.managed.size': '130 mb' }).cacheBytes, 65 * MB)
    assert.throws(() => settings({ ...type, 'taskmanager.memory.managed.size': '150 mb' }), {
      code: 'CONFIG_INVALID_VALUE',
      message: /150 MiB; 75 MiB of it are on the heap, more than 70 % .*100 MiB/,
    })
  })

  it('takes folders of its own for RocksDB', () => {
    const own = { 'state.backend.rocksdb.localdir': import.meta.dirname, 'io.tmp.dirs': tmpdir() }
    assert.deepEqual(settings({ 'state.backend.type': 'rocksdb', ...own }).folders, [import.meta.dirname])
    assert.deepEqual(settings({ 'state.backend.type': 'rocksdb', 'io.tmp.dirs': tmpdir() }).folders, [tmpdir()])
    assert.deepEqual(settings({ 'state.backend.type': 'segments', ...own }).folders, [tmpdir()])
    const bad = { 'state.backend.type': 'rocksdb', 'state.backend.rocksdb.localdir': FILE }
    assert.throws(() => settings(bad), { code: 'CONFIG_INVALID_VALUE', hint: /rocksdb\.localdir/ })
  })

  it('says which backends there are', () => {
    assert.throws(() => settings({ 'state.backend.type': 'forst' }), {
      code: 'CONFIG_INVALID_VALUE',
      hint: /segments or rocksdb/,
    })
  })
})

function settings(pairs: Readonly<Record<string, string>>): SlotStateSettings {
  return slotStateSettingsOf(parseConfig([{ source: 'test', pairs }]), 100 * MB)
}
