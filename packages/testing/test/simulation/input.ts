/** The input of simulated jobs: records in splits, as any of three kinds of source. */
import {
  ascending,
  boundedOutOfOrderness,
  generator,
  type Source,
  type SourceBatch,
  type WatermarkStrategy,
} from '@millrace/api'
import { csvFiles } from '@millrace/files'
import type { SeededRandom } from '@millrace/testing'

/** `s`, `n`: split and number within it; `k`: key; `t`: event time; `v`: a value. */
export type Rec = { readonly s: number; readonly n: number; readonly k: number; readonly t: number; readonly v: number }

export interface Input {
  readonly splits: readonly (readonly Rec[])[]
  /** How far behind the highest timestamp a record may be without being late. */
  readonly boundMs: number
  readonly watermarks: WatermarkStrategy<Rec>
  readonly source: Source<Rec>
  /** What has to be on the disk, by path. */
  readonly files: ReadonlyMap<string, string>
}

export interface InputWishes {
  readonly name: string
  readonly splitsMax: number
  /** Records may come after the watermark has passed them. */
  readonly mayBeLate?: boolean
}

export function drawInput(random: SeededRandom, wishes: InputWishes): Input {
  const kind = random.pick(['splits', 'splits', 'generator', 'csv'] as const)
  const splitCount = 1 + random.below(wishes.splitsMax)
  const length = random.pick(wishes.mayBeLate === true ? [15, 80, 160, 240] : [0, 1, 15, 40, 80, 160])
  // A record ahead of its time makes those after it late, and the watermark remember it.
  const aheadMs = wishes.mayBeLate === true ? random.pick([0, 30, 90]) : 0
  const boundMs = random.pick([0, 0, 5, 30])
  const disorderMs = wishes.mayBeLate === true ? boundMs + random.pick([0, 10, 60]) : boundMs
  const keys = random.pick([1, 3, 12, 40])
  const splits = Array.from({ length: splitCount }, (_, s) => {
    const own = kind === 'generator' ? length : Math.floor(length * random.pick([0, 0.5, 1, 1]))
    let at = 1_000_000 + random.below(50)
    return Array.from({ length: own }, (_unused, n): Rec => {
      at += random.pick([0, 1, 1, 3, 20])
      return {
        s,
        n,
        k: random.below(keys),
        t: at - random.below(disorderMs + 1) + (random.chance(0.1) ? aheadMs : 0),
        v: random.below(10),
      }
    })
  })
  const watermarks =
    boundMs === 0 ? ascending<Rec>(({ t }) => t) : boundedOutOfOrderness<Rec>(`${boundMs} ms`, ({ t }) => t)
  const folder = `/in/${wishes.name}`
  const files = new Map<string, string>()
  if (kind === 'csv') {
    for (const [s, records] of splits.entries()) {
      // The header keeps a split without records from being an empty file, which is refused.
      const lines = ['s,n,k,t,v', ...records.map(({ n, k, t, v }) => [s, n, k, t, v].join())]
      files.set(`${folder}/${s}.csv`, lines.map((line) => `${line}\n`).join(''))
    }
  }
  return { splits, boundMs, watermarks, files, source: drawSource(random, kind, splits, folder) }
}

function drawSource(
  random: SeededRandom,
  kind: 'splits' | 'generator' | 'csv',
  splits: readonly (readonly Rec[])[],
  folder: string,
): Source<Rec> {
  if (kind === 'csv') {
    const columns = { s: 'int', n: 'int', k: 'int', t: 'int', v: 'int' } as const
    return csvFiles(folder, { header: true, columns }) as Source<Rec>
  }
  if (kind === 'splits') return splitSource(splits, random)
  const count = splits.length
  return generator({
    records: splits.reduce((sum, { length }) => sum + length, 0),
    splits: count,
    ...(random.chance(0.3) ? { perSecond: 5_000 } : {}),
    generate: (index) => (splits[index % count] as readonly Rec[])[Math.floor(index / count)] as Rec,
  }) as unknown as Source<Rec>
}

/** Reads records from memory in batches of any size, cut otherwise every time, now and then with a wait. */
function splitSource(splits: readonly (readonly Rec[])[], random: SeededRandom): Source<Rec> {
  const hasMinimum = random.chance(0.3)
  const batchMax = random.pick([2, 10, 100])
  const waits = random.pick([0, 0.1, 0.5])
  return {
    kind: 'simulated',
    options: {},
    boundedness: 'bounded',
    replayable: true,
    enumerate: async () =>
      splits.map((records, s) => ({
        id: `split ${s}`,
        payload: s,
        ...(hasMinimum && records.length > 0 ? { timestampMin: Math.min(...records.map(({ t }) => t)) } : {}),
      })),
    open: async (split, position, context) => {
      const records = splits[split.payload as number] as readonly Rec[]
      let at = (position ?? 0) as number
      const take = (): SourceBatch<Rec> => {
        const from = at
        at = Math.min(records.length, at + random.below(batchMax))
        return { records: records.slice(from, at), end: at === records.length && random.chance(0.7) }
      }
      return {
        next: () => (random.chance(waits) ? context.delay(random.below(5)).then(take) : take()),
        position: () => at,
        close: async () => {},
      }
    },
  }
}
