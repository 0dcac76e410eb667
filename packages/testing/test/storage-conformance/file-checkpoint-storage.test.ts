/** The storage in folders passes the suite of all checkpoint storages, on a disk that loses what was not synced and on the real one. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NodeFileSystem } from '@millrace/runtime'
import { SeededRandom } from '../../src/random/seeded-random.ts'
import { SimulatedDisk } from '../../src/sim-disk/simulated-disk.ts'
import { FileStorageWorld } from '../../src/storage-conformance/file-storage-world.ts'
import { checkpointStorageConformance } from '../../src/storage-conformance/storage-conformance.ts'

for (const seed of [1, 2]) {
  checkpointStorageConformance(`FileCheckpointStorage, power lost, seed ${seed}`, () => {
    const random = new SeededRandom(seed)
    const disk = new SimulatedDisk({ random: () => random.fraction() })
    let hasBegun = false
    return new FileStorageWorld({
      root: 'jobs',
      mount: () => {
        if (hasBegun) disk.crash()
        hasBegun = true
        return disk.mount()
      },
      outside: () => disk.mount(),
      setCapacity: (bytes) => disk.setCapacity(bytes),
    })
  })
}

checkpointStorageConformance(
  'FileCheckpointStorage, process killed, on the real disk',
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'millrace-storage-'))
    const files = new NodeFileSystem()
    return new FileStorageWorld({ root, mount: () => files, end: () => rm(root, { recursive: true, force: true }) })
  },
  // Syncs of a real disk take their time.
  { stride: 5 },
)
