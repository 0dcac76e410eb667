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
  it('share their memory with what operators hold beside them, as long as the backend is open', async () => {
    const settings = {
      type: 'segments',
      cacheBytes: CACHE_BYTES,
      snapshotBytesMax: CACHE_BYTES,
      folders: [folder],
    } as const
    const slot = new SlotBackends(settings, 0, new SystemClock())
    const [backend, other] = [await create(slot), await create(slot)]
    const holder = {
      claimedBytes: 0,
      limitTo(bytes: number): void {
        holder.claimedBytes = Math.min(holder.claimedBytes, bytes)
      },
    }
    const limit = backend.shareMemory?.(holder)
    assert.ok((limit?.() ?? 0) > CACHE_BYTES * 0.9, 'nothing else is held')
    holder.claimedBytes = CACHE_BYTES * 0.9
    fill(other)
    assert.ok(heldBy(other) > CACHE_BYTES * 0.4, `${heldBy(other)} bytes are too little for the one that works`)
    const together = heldBy(other) + heldBy(backend) + holder.claimedBytes
    assert.ok(together <= CACHE_BYTES + SLACK_BYTES, `${together} bytes in all`)
    backend.close()
    fill(other)
    assert.ok(heldBy(other) > CACHE_BYTES * 0.9, `${heldBy(other)} bytes, though the holder is gone`)
    other.close()
  })

  it('give what one does not need to the others, and back when it does', async () => {
    const slot = new SlotBackends(
      { type: 'segments', cacheBytes: CACHE_BYTES, snapshotBytesMax: CACHE_BYTES, folders: [folder] },
      0,
      new SystemClock(),
    )
    const [early, late] = [await create(slot), await create(slot)]
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

function create(slot: SlotBackends): Promise<KeyedStateBackend> {
  return Promise.resolve(slot.create({ first: 0, last: GROUPS - 1 }, GROUPS))
}

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
