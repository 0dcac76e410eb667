import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { serializedThrowable } from '../../src/operation/serialized-throwable.ts'
import { captures, capturesMissing } from '../golden-shape.ts'

const error = { className: 'SAVEPOINT_FAILED', message: 'no', stackTrace: 'trace' }

function bytes(text: Partial<typeof error> = {}): Buffer {
  return Buffer.from(serializedThrowable({ ...error, ...text }), 'base64')
}

describe('a serialized throwable', () => {
  it('begins as one that Java wrote', { skip: capturesMissing }, () => {
    const [capture] = captures('get.jobs.jobid.savepoints.triggerid', /badpath/)
    const java = Buffer.from(capture?.body.operation['failure-cause']['serialized-throwable'], 'base64')
    const ours = bytes()
    // Java's one has a cause from here on; up to here are the classes and their fields.
    const end = ours.indexOf(Buffer.from('java/util/List;')) + 'java/util/List;'.length + 2
    assert.ok(end > 300)
    assert.deepEqual(ours.subarray(0, end), java.subarray(0, end))
  })

  it("has texts in Java's own UTF-8", () => {
    const text = bytes({ message: 'a\0é€😀' })
    const wanted = Buffer.from('74000e61c080c3a9e282aceda0bdedb880', 'hex')
    assert.ok(text.includes(wanted), text.toString('hex'))
  })

  it('has texts of any length', () => {
    const long = 'x'.repeat(70_000)
    const at = bytes({ stackTrace: long }).indexOf(
      Buffer.concat([Buffer.from('7c0000000000011170', 'hex'), Buffer.from(long)]),
    )
    assert.ok(at > 0)
    assert.ok(bytes({ stackTrace: 'x'.repeat(0xffff) }).includes(Buffer.from('74ffff7878', 'hex')))
  })
})
