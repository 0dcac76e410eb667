import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { BLOCK_ROWS, ChangedRows, NOTHING_SETTLED } from '../../../src/state/heap/changed-rows.ts'

const ROWS = BLOCK_ROWS * 4

describe('ChangedRows', () => {
  it('name every row that has changed since what is settled, whatever comes after what', () => {
    const step = fc.record({
      what: fc.constantFrom('change', 'change', 'change', 'insert', 'epoch', 'settle', 'look'),
      row: fc.nat(ROWS * 2 - 1),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.nat(ROWS), (steps, used) => {
        const rows = new ChangedRows(ROWS, used, 0)
        const changed = new Map<number, number>(Array.from({ length: used }, (_, row) => [row, 0]))
        let epoch = 1
        let settled = 0
        rows.grow(ROWS * 2)
        for (const { what, row } of steps) {
          if (what === 'epoch') epoch++
          else if (what === 'settle') settled = Math.max(settled, epoch - 1 - (row % 3))
          else if (what === 'look') {
            // As a delta does it: what has not changed since has nothing to say.
            for (const at of rows.rowsAfter(settled, false)) if ((changed.get(at) ?? 0) <= settled) rows.forget(at)
          } else {
            rows.note(row, epoch, what === 'insert' ? NOTHING_SETTLED : settled)
            changed.set(row, epoch)
          }
          for (const after of [settled, epoch - 1]) {
            if (after < settled) continue
            const named = rows.rowsAfter(after, false)
            assert.deepEqual(
              named,
              [...new Set(named)].sort((a, b) => a - b),
            )
            for (const [at, changedAt] of changed) {
              if (changedAt > after) assert.ok(named.includes(at), `row ${at} of epoch ${changedAt}, after ${after}`)
            }
          }
        }
      }),
    )
  })

  it('name no other row, once all before is settled', () => {
    const anyRows = fc.uniqueArray(fc.nat(ROWS - 1))
    fc.assert(
      fc.property(anyRows, anyRows, (first, second) => {
        const rows = new ChangedRows(ROWS, ROWS, 1)
        for (const [epoch, changes] of [first, second].entries()) {
          for (const at of changes) rows.note(at, epoch + 2, epoch + 1)
          assert.deepEqual(
            rows.rowsAfter(epoch + 1, false),
            changes.toSorted((a, b) => a - b),
          )
        }
      }),
    )
  })

  it('name what is old too, where deletions are kept, until it is forgotten', () => {
    const rows = new ChangedRows(ROWS, 0, 1)
    rows.note(3, 1, 0)
    rows.note(40, 1, 0)
    rows.note(41, 2, NOTHING_SETTLED)
    assert.deepEqual(rows.rowsAfter(2, false), [])
    assert.deepEqual(rows.rowsAfter(2, true), [3, 40, 41])
    rows.forget(40)
    assert.deepEqual(rows.rowsAfter(0, true), [3, 41])
    rows.note(40, 5, 4)
    assert.deepEqual(rows.rowsAfter(4, true), [3, 40])
  })
})
