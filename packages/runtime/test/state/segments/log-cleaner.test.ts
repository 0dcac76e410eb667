import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decideVictim } from '../../../src/state/segments/log-cleaner.ts'

interface File {
  readonly name: string
  readonly records: number
  readonly live: number
}

const file = (name: string, live: number, records = 100): File => ({ name, records, live })
const victimOf = (files: readonly File[], active = 'active'): string | undefined =>
  decideVictim(files, ({ name }) => name === active)?.name

describe('the file to be cleaned', () => {
  it('is the one with the least that is alive', () => {
    assert.equal(victimOf([file('a', 40), file('b', 10), file('c', 30), file('active', 100)]), 'b')
    assert.equal(victimOf([file('a', 40), file('b', 10, 20), file('active', 60)]), 'a', 'by its share')
  })

  it('is none while enough of the whole log is alive', () => {
    assert.equal(victimOf([file('a', 20), file('b', 90), file('active', 100)]), undefined)
    assert.equal(victimOf([file('a', 20), file('b', 90), file('active', 30)]), 'a')
  })

  it('is none of which half is alive, nor the active one, nor one that waits for the end of a snapshot', () => {
    assert.equal(victimOf([file('a', 50), file('active', 10)]), undefined)
    assert.equal(victimOf([file('active', 1)]), undefined)
    assert.equal(victimOf([file('dead', 0), file('a', 90)]), undefined, 'nor does it count')
    assert.equal(victimOf([]), undefined)
  })
})
