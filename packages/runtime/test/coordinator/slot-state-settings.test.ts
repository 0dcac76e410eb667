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
    assert.deepEqual(settings(type), { type: 'segments', cacheBytes: Math.floor(40 * MB), folders: [tmpdir()] })
    assert.equal(settings({ ...type, 'taskmanager.memory.managed.size': '10 mb' }).cacheBytes, 10 * MB)
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

  it('says which backends there are', () => {
    assert.throws(() => settings({ 'state.backend.type': 'rocksdb' }), {
      code: 'CONFIG_INVALID_VALUE',
      hint: /segments/,
    })
  })
})

function settings(pairs: Readonly<Record<string, string>>): SlotStateSettings {
  return slotStateSettingsOf(parseConfig([{ source: 'test', pairs }]), 100 * MB)
}
