/** How the backends of a slot share the memory for their caches. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type KeyedStateBackend, keyGroupOf } from '@millrace/core'
import { SystemClock } from '../../src/clock/clock.ts'
import { SlotBackends } from '../../src/slot/slot-backends.ts'

const GROUPS = 8
const CACHE_BYTES = 1024 ** 2
/** Caches keep entries beyond their limits for a moment: one that was just read, one that is in use. */
const SLACK_BYTES = 4_096
const folder = mkdtempSync(join(tmpdir(), 'millrace-slot-backends-'))
after(() => rmSync(folder, { recursive: true }))

describe('the caches of a slot', () => {
  it('give what one does not need to the others, and back when it does', async () => {
    const slot = new SlotBackends(
      { type: 'segments', cacheBytes: CACHE_BYTES, snapshotBytesMax: CACHE_BYTES, folders: [folder] },
      0,
      new SystemClock(),
    )
    const create = (): Promise<KeyedStateBackend> =>
      Promise.resolve(slot.create({ first: 0, last: GROUPS - 1 }, GROUPS))
    const [early, late] = [await create(), await create()]
    fill(late)
    assert.ok(heldBy(late) > CACHE_BYTES * 0.9, `${heldBy(late)} bytes, though the other holds nothing`)
    fill(early)
    assert.ok(heldBy(early) > CACHE_BYTES * 0.4, `${heldBy(early)} bytes are too little for the one that works`)
    const together = heldBy(early) + heldBy(late)
    assert.ok(together <= CACHE_BYTES + SLACK_BYTES, `${together} bytes in both`)
    expectAll(late)
    expectAll(early)
    early.close()
    fill(late)
    assert.ok(heldBy(late) > CACHE_BYTES * 0.9, `${heldBy(late)} bytes, though the other is closed`)
    late.close()
  })
})

const KEYS = 10_000
const DESCRIPTOR = { operatorUid: 'op', name: 'v', kind: 'value', version: 1, ttlMs: undefined } as const

function fill(backend: KeyedStateBackend): void {
  const table = backend.valueTable<string>(DESCRIPTOR)
  for (let key = 0; key < KEYS; key++) {
    backend.setCurrentKey(key, keyGroupOf(key, GROUPS))
    table.put(`value ${key}`)
  }
}

function expectAll(backend: KeyedStateBackend): void {
  const table = backend.valueTable<string>(DESCRIPTOR)
  for (let key = 0; key < KEYS; key++) {
    backend.setCurrentKey(key, keyGroupOf(key, GROUPS))
    assert.equal(table.get(), `value ${key}`)
  }
}

function heldBy(backend: KeyedStateBackend): number {
  return backend.localStore?.().cacheBytes ?? 0
}
