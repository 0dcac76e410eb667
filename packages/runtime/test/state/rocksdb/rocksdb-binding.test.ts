/** What is said when the native module is not there, or is another one than is known. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { loadRocksdbBinding } from '../../../src/state/rocksdb/rocksdb-binding.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-binding-'))
after(() => rmSync(folder, { recursive: true }))

describe('loadRocksdbBinding', () => {
  it('says how to install what is missing, and what needs nothing', () => {
    assert.throws(() => loadRocksdbBinding(requireIn(join(folder, 'empty'))), {
      code: 'STATE_BACKEND_UNAVAILABLE',
      message: /state\.backend\.type is rocksdb, and @nxtedition\/rocksdb is not installed/,
      hint: /npm install @nxtedition\/rocksdb.*segments/,
    })
  })

  it('says why what is installed cannot be loaded', () => {
    const place = install('broken', "throw new Error('no native build was found for this machine')")
    assert.throws(() => loadRocksdbBinding(requireIn(place)), {
      code: 'STATE_BACKEND_UNAVAILABLE',
      message: /cannot be loaded on \w+-\w+: no native build was found/,
    })
  })

  it('refuses a version that lacks what is used', () => {
    const place = install('other', 'module.exports = { db_init() {}, db_open() {} }')
    assert.throws(() => loadRocksdbBinding(requireIn(place)), {
      code: 'STATE_BACKEND_UNAVAILABLE',
      message: /of a version that Millrace does not know: it lacks db_close/,
    })
  })
})

function requireIn(place: string): (id: string) => unknown {
  return createRequire(join(place, 'package.json'))
}

/** A package of that name with this code. */
function install(name: string, code: string): string {
  const place = join(folder, name)
  const own = join(place, 'node_modules', '@nxtedition', 'rocksdb')
  mkdirSync(own, { recursive: true })
  writeFileSync(join(own, 'package.json'), '{"name":"@nxtedition/rocksdb","version":"0.0.0"}')
  writeFileSync(join(own, 'binding.js'), code)
  return place
}
