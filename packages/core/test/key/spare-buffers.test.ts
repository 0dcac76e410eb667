import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SpareBuffers } from '../../src/key/spare-buffers.ts'

describe('SpareBuffers', () => {
  it('hands out what was given back, of the same size only', () => {
    const buffers = new SpareBuffers()
    const given = buffers.take(8_192)
    buffers.give(given)
    assert.equal(buffers.bytes, 8_192)
    assert.notEqual(buffers.take(4_096), given)
    assert.equal(buffers.take(8_192), given)
    assert.notEqual(buffers.take(8_192), given)
    assert.equal(buffers.bytes, 0)
  })

  it('gives zeros where they are asked for', () => {
    const buffers = new SpareBuffers()
    const given = buffers.takeZeroed(4_096)
    new Uint8Array(given).fill(7)
    buffers.give(given)
    const taken = buffers.takeZeroed(4_096)
    assert.equal(taken, given)
    assert.ok(new Uint8Array(taken).every((byte) => byte === 0))
  })

  it('keeps no more than its bound, and nothing small', () => {
    const buffers = new SpareBuffers(10_000)
    buffers.give(new ArrayBuffer(4_095))
    assert.equal(buffers.bytes, 0)
    for (let i = 0; i < 3; i++) buffers.give(new ArrayBuffer(4_096))
    assert.equal(buffers.bytes, 8_192)
  })
})
