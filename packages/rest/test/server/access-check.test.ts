import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type RequestOrigin, refusalOf } from '../../src/server/access-check.ts'

const NAMES = ['streams.example']

function refused(request: Partial<RequestOrigin>): boolean {
  const whole = { host: 'localhost:8081', origin: undefined, fetchSite: undefined, isWrite: false, ...request }
  return refusalOf(whole, NAMES) !== undefined
}

describe('the Host header', () => {
  for (const host of [
    undefined,
    'localhost',
    'localhost:8081',
    'LOCALHOST:1',
    '127.0.0.1:8081',
    '[::1]:8081',
    '10.1.2.3:8081',
    'a.localhost:8081',
    'streams.example:80',
  ]) {
    it(`${host} is taken`, () => assert.ok(!refused({ host })))
  }

  for (const host of [
    'evil.example',
    'evil.example:8081',
    'localhost.evil.example',
    'evil-localhost',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    '',
    'localhost:x',
    'two words',
  ]) {
    it(`"${host}" is refused`, () => assert.ok(refused({ host })))
  }
})

describe('a page of another site', () => {
  for (const browser of [
    { fetchSite: 'cross-site' },
    { fetchSite: 'same-site' },
    { origin: 'http://evil.example' },
    { origin: 'http://localhost:9999' },
    { origin: 'null' },
    { origin: 'http://localhost:8081.evil.example' },
  ]) {
    it(`${JSON.stringify(browser)} may read and not write`, () => {
      assert.ok(!refused(browser))
      assert.ok(refused({ ...browser, isWrite: true }))
    })
  }

  it('is not the own page, and not a program', () => {
    assert.ok(!refused({ isWrite: true }))
    assert.ok(!refused({ isWrite: true, origin: 'http://localhost:8081', fetchSite: 'same-origin' }))
    assert.ok(!refused({ isWrite: true, fetchSite: 'none' }), 'an address that the user wrote')
  })
})
