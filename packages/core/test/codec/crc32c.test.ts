import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from '../../src/codec/crc32c.ts'

const ascii = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))

test('gives the published check values', () => {
  // RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  assert.equal(crc32c(ascii('123456789')), 0xe3069283)
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e)
  assert.equal(crc32c(new Uint8Array(0)), 0)
})

test('continues from an earlier checksum and takes a part of the bytes', () => {
  const bytes = ascii('The quick brown fox jumps over the lazy dog')
  for (let cut = 0; cut <= bytes.length; cut++) {
    assert.equal(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut)), crc32c(bytes))
    assert.equal(crc32c(bytes, cut), crc32c(bytes.slice(cut)))
  }
})
