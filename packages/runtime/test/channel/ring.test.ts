import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { MillraceError } from '@millrace/api'
import { createDoorbell } from '../../src/channel/doorbell.ts'
import { createRing, RingReader, RingWriter } from '../../src/channel/ring.ts'
import type { RingPeerRequest } from './ring-peer.worker.ts'

const nobody = { wake() {} }

function isInternal(error: unknown): boolean {
  return error instanceof MillraceError && error.code === 'INTERNAL'
}

test('a message above half the ring is refused by name, not split here', () => {
  const writer = new RingWriter(createRing({ capacityBytes: 64 }), nobody)
  assert.equal(writer.messageBytesMax, 24)
  assert.ok(writer.tryWrite(1, new Uint8Array(24)))
  assert.throws(() => writer.reserve(25), isInternal)
})

test('a capacity that is no power of two, and memory that is no ring, are refused', () => {
  for (const capacityBytes of [0, 32, 100, 2 ** 31, Number.NaN]) {
    assert.throws(() => createRing({ capacityBytes }), isInternal)
  }
  assert.throws(() => new RingReader(new SharedArrayBuffer(1024), nobody), isInternal)
  assert.throws(() => new RingReader(createRing({ capacityBytes: 64 }).slice(0, 300), nobody), isInternal)
})

test('a closed ring takes nothing more, gives what it holds, and wakes the other end', () => {
  const ring = createRing({ capacityBytes: 64 })
  let woken = 0
  const writer = new RingWriter(ring, { wake: () => woken++ })
  const reader = new RingReader(ring, nobody)
  assert.ok(writer.tryWrite(7, Uint8Array.of(1, 2, 3)))
  writer.close()
  assert.equal(woken, 1)
  assert.equal(writer.tryWrite(7, Uint8Array.of(4)), false)
  assert.ok(reader.isClosed)
  assert.ok(reader.poll())
  assert.deepEqual([...reader.view()], [1, 2, 3])
  reader.release()
  assert.equal(reader.poll(), false)
})

test('a payload that was not released is not overwritten', () => {
  const ring = createRing({ capacityBytes: 64 })
  const writer = new RingWriter(ring, nobody)
  const reader = new RingReader(ring, nobody)
  assert.ok(writer.tryWrite(1, new Uint8Array(24).fill(1)))
  assert.ok(reader.poll())
  const view = reader.view()
  assert.ok(writer.tryWrite(2, new Uint8Array(24).fill(2)))
  assert.equal(writer.tryWrite(3, new Uint8Array(24).fill(3)), false)
  assert.deepEqual([...view], new Array(24).fill(1))
  reader.release()
  assert.ok(writer.tryWrite(3, new Uint8Array(24).fill(3)))
})

for (const { capacityBytes, messages } of [
  { capacityBytes: 64, messages: 20_000 },
  { capacityBytes: 4_096, messages: 300_000 },
  { capacityBytes: 65_536, messages: 1_500_000 },
]) {
  test(`two threads: ${messages} messages through ${capacityBytes} bytes arrive whole and in order`, {
    timeout: 60_000,
  }, async () => {
    const ring = createRing({ capacityBytes, startCursor: 2 ** 32 - 4_096 })
    const bells = { reader: createDoorbell(), writer: createDoorbell() }
    const request = (role: 'reader' | 'writer'): RingPeerRequest => ({ role, ring, bells, messages })
    const url = new URL('./ring-peer.worker.ts', import.meta.url)
    const reader = new Worker(url, { workerData: request('reader') })
    const writer = new Worker(url, { workerData: request('writer') })
    const [[result]] = await Promise.all([once(reader, 'message'), once(writer, 'message')])
    await Promise.all([reader.terminate(), writer.terminate()])
    assert.deepEqual(result, { role: 'reader', messages })
  })
}
