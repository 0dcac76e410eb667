import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { areSameFutures, beginFuture, FUTURES_MAX, type Future, partingOf } from '../../src/checkpoint/future.ts'

/** A checkpoint that somebody kept, and by what it came about: all before it, each a thing of its own. */
interface Kept {
  readonly checkpointId: number
  readonly futures: readonly Future[]
  readonly line: readonly object[]
}

type Step =
  | { readonly kind: 'checkpoint' }
  /** Numbers of what is given up come again, or they do not. */
  | { readonly kind: 'back'; readonly pick: number; readonly isNumberedAgain: boolean }

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<Step>({ kind: 'checkpoint' }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('back' as const), pick: fc.nat(), isNumberedAgain: fc.boolean() }),
    },
  ),
  { maxLength: 60 },
)

/** One folder in which a job takes checkpoints and goes back, only to what it came through. */
class Folder {
  readonly kept: Kept[] = []
  line: readonly object[] = []
  futures: readonly Future[] = []
  newestId = 0
  #nextId = 1
  #futures = 0

  apply(step: Step): void {
    if (step.kind === 'checkpoint') {
      this.newestId = this.#nextId++
      this.line = [...this.line, {}]
      this.kept.push({ checkpointId: this.newestId, futures: this.futures, line: this.line })
      return
    }
    const ways = this.kept.filter((kept) => this.cameThrough(kept))
    const to = ways[step.pick % Math.max(1, ways.length)]
    if (to === undefined) return
    this.line = to.line
    this.newestId = to.checkpointId
    const id = (++this.#futures).toString(16).padStart(16, '0')
    this.futures = beginFuture(to.futures, { id, after: to.checkpointId })
    if (step.isNumberedAgain) this.#nextId = to.checkpointId + 1
  }

  cameThrough({ line }: Kept): boolean {
    return line.every((each, index) => this.line[index] === each)
  }
}

test('a snapshot has parted from its folder exactly when the folder did not come through it', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const folder = new Folder()
      // Beyond that the oldest ones are forgotten.
      let backs = 0
      for (const step of all) {
        if (step.kind === 'back' && ++backs > FUTURES_MAX) continue
        folder.apply(step)
        for (const kept of folder.kept) {
          const after = partingOf(kept, folder)
          assert.equal(after === undefined, folder.cameThrough(kept), `${kept.checkpointId} parted after ${after}`)
        }
      }
    }),
  )
})

test('however often a job goes back: no more are kept than that, and what it has just given up is known', () => {
  const folder = new Folder()
  folder.apply({ kind: 'checkpoint' })
  for (let count = 0; count < 3 * FUTURES_MAX; count++) {
    folder.apply({ kind: 'checkpoint' })
    folder.apply({ kind: 'checkpoint' })
    const given = folder.kept.at(-1) as Kept
    folder.apply({
      kind: 'back',
      pick: folder.kept.filter((kept) => folder.cameThrough(kept)).length - 2,
      isNumberedAgain: false,
    })
    assert.ok(folder.futures.length <= FUTURES_MAX)
    assert.ok(partingOf(given, folder) !== undefined)
    for (const kept of folder.kept) if (folder.cameThrough(kept)) assert.equal(partingOf(kept, folder), undefined)
  }
})

test('futures are the same when they are the same ones in the same order', () => {
  const [a, b] = [
    { id: 'a', after: 1 },
    { id: 'b', after: 2 },
  ]
  assert.ok(areSameFutures([], []))
  assert.ok(areSameFutures([a, b], [a, b]))
  for (const other of [[], [a], [b, a], [a, b, b]]) assert.ok(!areSameFutures([a, b], other))
})
