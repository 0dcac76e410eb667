import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressText, isThisMachine, parseJobAddress } from '../../src/operate/job-address.ts'

const parse = (jobmanager?: string, ...define: string[]) => addressText(parseJobAddress('list', { jobmanager, define }))

test('-m wins over -D, and that over the default', () => {
  assert.equal(parse(), 'localhost:8081')
  assert.equal(parse(undefined, 'rest.port=9000'), 'localhost:9000')
  assert.equal(parse(undefined, 'rest.address=there', 'rest.port=9000'), 'there:9000')
  assert.equal(parse('here:1', 'rest.address=there', 'rest.port=9000'), 'here:1')
  assert.equal(parse('here', 'rest.port=9000'), 'here:9000')
})

test('an address may be written as it is printed', () => {
  assert.equal(parse('http://localhost:8082'), 'localhost:8082')
  assert.equal(parse('http://localhost:8082/'), 'localhost:8082')
  assert.equal(parse('[::1]:8082'), '[::1]:8082')
  assert.equal(parse('127.0.0.1:8082'), '127.0.0.1:8082')
})

for (const wrong of ['', ':8081', 'a:b', 'a:99999', 'https://a:1', 'a:1/x', '::1:8081', 'a b:1']) {
  test(`-m "${wrong}" is refused`, () => assert.throws(() => parse(wrong), { code: 'USAGE' }))
}

test('a folder means the same to a server on this machine only', () => {
  assert.ok(['localhost', '127.0.0.1', '127.1.2.3', '::1'].every((host) => isThisMachine({ host, port: 1 })))
  assert.ok(!['10.0.0.1', 'there', 'localhost.there'].some((host) => isThisMachine({ host, port: 1 })))
})
