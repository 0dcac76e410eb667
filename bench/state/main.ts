/**
 * Stores for state larger than memory in turns: the segment store and RocksDB as a job uses them, through a value table, and
 * RocksDB by its binding alone. Each run is a process of its own that reads, changes and writes back batches of keys. See
 * README.md for the flags; decisions 0058 and 0062 hold what came out.
 */
import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from '../statistics.ts'
import { BackendStore } from './backend-store.ts'
import { BindingStore } from './binding-store.ts'
import { type BenchedStore, measureStore, type StoreFigures, type StoreLoad } from './store-load.ts'

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '2000000' },
    batches: { type: 'string', default: '500' },
    'value-bytes': { type: 'string', default: '64' },
    'cache-mb': { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
    stores: { type: 'string', default: 'segments,rocksdb,rocksdb-binding' },
    store: { type: 'string' },
    skew: { type: 'string' },
  },
})

const load: StoreLoad = {
  keys: Number(values.keys),
  batches: Number(values.batches),
  valueBytes: Number(values['value-bytes']),
  cacheBytes: Number(values['cache-mb']) * 1024 ** 2,
  skew: values.skew === undefined ? undefined : Number(values.skew),
}

if (values.store === undefined) compare()
else process.stdout.write(`${JSON.stringify(await measureStore(await open(values.store), load))}\n`)

async function open(store: string): Promise<BenchedStore> {
  if (store === 'segments') return BackendStore.segments(load)
  if (store === 'rocksdb') return BackendStore.rocksdb(load)
  if (store === 'rocksdb-binding') return BindingStore.open(load)
  throw new Error(`there is no store ${store}`)
}

function compare(): void {
  const stores = values.stores.split(',')
  for (const skew of [undefined, '0.99']) {
    const figures = new Map<string, StoreFigures[]>(stores.map((store) => [store, []]))
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const store of stores) figures.get(store)?.push(runOf(store, skew))
    }
    process.stdout.write(`${skew === undefined ? 'uniform' : `Zipf ${skew}`}\n`)
    const speeds = stores.map((store) => {
      const runs = figures.get(store) as StoreFigures[]
      const speed = median(runs.map(({ keysPerCpuSecond }) => keysPerCpuSecond))
      process.stdout.write(`  ${store}: ${Math.round(speed)} keys per CPU second\n`)
      for (const run of runs) process.stdout.write(`    ${JSON.stringify(run)}\n`)
      return speed
    })
    const [first = 0, ...others] = speeds
    others.forEach((speed, index) => {
      process.stdout.write(`  ${stores[0]} ${(first / speed).toFixed(2)} times ${stores[index + 1]}\n`)
    })
  }
}

function runOf(store: string, skew: string | undefined): StoreFigures {
  const args = process.argv.slice(2)
  const { status, stdout } = spawnSync(
    process.execPath,
    [
      ...process.execArgv,
      fileURLToPath(import.meta.url),
      ...args,
      '--store',
      store,
      ...(skew === undefined ? [] : ['--skew', skew]),
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  )
  if (status !== 0) throw new Error(`the run of ${store} failed`)
  return JSON.parse(stdout) as StoreFigures
}
