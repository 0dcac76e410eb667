/**
 * What every exactly-once sink must do, as a suite for Node's test runner: its attempts die before and after preparing, after
 * the checkpoint, between two commits, and after a commit that nobody heard of, alone and one after another, with
 * checkpoints that are given up in between. In the end the outside system shows every record once.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FileSystem, Sink } from '@millrace/api'
import { SeededRandom } from '../random/seeded-random.ts'
import { SimulatedDisk } from '../sim-disk/simulated-disk.ts'
import { SINK_CRASHES, type SinkCrash, SinkDrill } from './sink-drill.ts'

/** A record of the suite. `key` is the same for several records; the last one of a key counts where a sink keeps one. */
export interface DrillRecord {
  readonly key: string
  readonly n: number
}

/** An empty outside system and a sink that writes into it. */
export interface SinkWorld {
  readonly sink: Sink<DrillRecord>
  /** What is visible to others, in any order. */
  visible(): Promise<readonly DrillRecord[]> | readonly DrillRecord[]
  /** Names of what is neither visible nor gone: open and prepared transactions, temporary files. */
  unfinished?(): Promise<readonly string[]> | readonly string[]
}

export interface SinkConformanceOptions {
  /** Keeps one row for each key. Default: every record. */
  readonly isUpsert?: boolean
  /** How many random runs; default 40. `firstSeed`: the seed of the first, default 1. */
  readonly randomRuns?: number
  readonly firstSeed?: number
}

const RECORDS = 60
const PER_CHECKPOINT = 10
const CHECKPOINTS = RECORDS / PER_CHECKPOINT

/** Registers the suite under `name`. */
export function sinkConformance(
  name: string,
  createWorld: (files: FileSystem) => SinkWorld | Promise<SinkWorld>,
  { isUpsert = false, randomRuns = 40, firstSeed = 1 }: SinkConformanceOptions = {},
): void {
  const records = Array.from({ length: RECORDS }, (_, n) => ({ key: `k${n % 7}`, n }))

  async function drill(
    crashes: ReadonlyMap<number, SinkCrash>,
    aborted: ReadonlySet<number> = new Set(),
    subtasks = 2,
  ): Promise<void> {
    const files = new SimulatedDisk({ random: () => 0.999 }).mount()
    const world = await createWorld(files)
    // Of one key all records are in one subtask, as after keyBy.
    const dealt = isUpsert ? byKey(records, subtasks) : records
    const run = new SinkDrill({
      sink: world.sink,
      files,
      records: dealt,
      subtasks,
      recordsPerCheckpoint: PER_CHECKPOINT,
      crashes,
      aborted,
    })
    await run.run()
    assert.equal(run.crashed, crashes.size)
    const expected = isUpsert ? [...new Map(dealt.map((record) => [record.key, record])).values()] : dealt
    assert.deepEqual(sorted(await world.visible()), sorted(expected))
    assert.deepEqual(await (world.unfinished?.() ?? []), [])
  }

  describe(`${name}: two-phase commit`, () => {
    it('shows every record once when nothing fails', () => drill(new Map()))

    it('commits with a later checkpoint what one that was given up had prepared', () =>
      drill(new Map(), new Set([2, 3])))

    for (const crash of SINK_CRASHES) {
      for (const checkpointId of [1, 3, CHECKPOINTS]) {
        it(`shows every record once after a crash ${crash} of checkpoint ${checkpointId}`, () =>
          drill(new Map([[checkpointId, crash]])))
      }
      it(`shows every record once after a crash ${crash}, behind a checkpoint that was given up`, () =>
        drill(new Map([[3, crash]]), new Set([2])))
    }

    it(`shows every record once in ${randomRuns} random runs`, async () => {
      for (let seed = firstSeed; seed < firstSeed + randomRuns; seed++) {
        const random = new SeededRandom(seed)
        const crashes = new Map<number, SinkCrash>()
        const aborted = new Set<number>()
        for (let id = 1; id <= CHECKPOINTS + 3; id++) {
          if (random.below(3) === 0) crashes.set(id, SINK_CRASHES[random.below(SINK_CRASHES.length)] as SinkCrash)
          else if (random.below(4) === 0) aborted.add(id)
        }
        const reached = new Map([...crashes].filter(([id]) => id <= CHECKPOINTS))
        try {
          await drill(reached, aborted, 1 + random.below(3))
        } catch (cause) {
          throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause })
        }
      }
    })
  })
}

/** The same records, in an order in which dealing them out in turn gives each key to one subtask. */
function byKey(records: readonly DrillRecord[], subtasks: number): readonly DrillRecord[] {
  const lists = Array.from({ length: subtasks }, (): DrillRecord[] => [])
  for (const record of records) (lists[Number(record.key.slice(1)) % subtasks] as DrillRecord[]).push(record)
  const length = Math.min(...lists.map((list) => list.length))
  return Array.from({ length }, (_, at) => lists.map((list) => list[at] as DrillRecord)).flat()
}

function sorted(records: readonly DrillRecord[]): readonly DrillRecord[] {
  return records.toSorted((a, b) => a.n - b.n)
}
