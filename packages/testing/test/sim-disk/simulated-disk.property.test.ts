import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SeededRandom } from '../../src/random/seeded-random.ts'
import { SimulatedDisk } from '../../src/sim-disk/simulated-disk.ts'

type Step =
  | { readonly kind: 'create' | 'sync' | 'remove'; readonly name: string }
  | { readonly kind: 'write'; readonly name: string; readonly length: number }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }
  | { readonly kind: 'sync-folder' }

const name = fc.constantFrom('a', 'b', 'c')
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('create' as const, 'sync' as const, 'remove' as const), name }),
  fc.record({ kind: fc.constant('write' as const), name, length: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constant('rename' as const), name, to: name }),
  fc.constant({ kind: 'sync-folder' as const }),
)

test('what was synced, with a name that was synced and not changed since, survives every crash', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 40 }), fc.integer(), async (steps, seed) => {
      const random = new SeededRandom(seed)
      const disk = new SimulatedDisk({ random: () => random.fraction() })
      const files = disk.mount()
      const open = new Map<string, Awaited<ReturnType<typeof files.create>>>()
      /** The model: what must be there, as long as nothing touched the name or the bytes since. */
      const certain = new Map<string, number>()
      const syncedLength = new Map<string, number>()
      for (const step of steps) {
        switch (step.kind) {
          case 'create':
            open.set(step.name, await files.create(step.name))
            syncedLength.delete(step.name)
            certain.delete(step.name)
            break
          case 'write':
            await open.get(step.name)?.write(new Uint8Array(step.length).fill(7))
            break
          case 'sync': {
            const file = open.get(step.name)
            if (file === undefined) break
            await file.sync()
            syncedLength.set(step.name, file.lengthBytes)
            if (certain.has(step.name)) certain.set(step.name, file.lengthBytes)
            break
          }
          case 'remove':
            await files.remove(step.name)
            open.delete(step.name)
            syncedLength.delete(step.name)
            certain.delete(step.name)
            break
          case 'rename': {
            const file = open.get(step.name)
            if (file === undefined || step.to === step.name) break
            await files.rename(step.name, step.to)
            open.set(step.to, file)
            open.delete(step.name)
            const synced = syncedLength.get(step.name)
            if (synced === undefined) syncedLength.delete(step.to)
            else syncedLength.set(step.to, synced)
            syncedLength.delete(step.name)
            certain.delete(step.name)
            certain.delete(step.to)
            break
          }
          case 'sync-folder':
            await files.syncFolder('.')
            for (const [each, length] of syncedLength) certain.set(each, length)
            break
        }
      }
      disk.crash()
      const contents = disk.contents()
      for (const [each, length] of certain) {
        const survived = contents.get(each)
        assert.ok(survived !== undefined, `${each} is there`)
        assert.ok(survived.length >= length, `${each} has ${length} bytes`)
        assert.ok(survived.subarray(0, length).every((byte) => byte === 7))
      }
      const before = [...contents].map(([each, content]) => [each, content.length])
      disk.crash()
      assert.deepEqual(
        [...disk.contents()].map(([each, content]) => [each, content.length]),
        before,
        'what survived one crash survives the next',
      )
    }),
    { numRuns: 500 },
  )
})
