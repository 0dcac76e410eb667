/**
 * The job that is killed: a paced generator of two splits and three input files, which end early, go through event-time
 * windows and through a count per key into two file sinks. One sink closes small parts at every checkpoint, so that a
 * commit has several; the other lets a part grow over checkpoints, so that a restore continues it.
 */
import { ascending, count, defineJob, generator, sum, tumbling, type, valueState } from '@millrace/api'
import { csvFiles, csvSink } from '@millrace/files'
import { generatedItem, type Item, WINDOW_MS } from './items.ts'
import { createMisbehaviour, type Misbehaviour } from './misbehaviour.ts'

export interface KillJobParams {
  readonly input: string
  readonly output: string
  readonly generatedItems: number
  /** Records per second of the generator. */
  readonly perSecond: number
  readonly existing: 'refuse' | 'append' | 'overwrite'
  /** What the user's code does wrong, and when. */
  readonly misbehaviour: Misbehaviour | null
}

export default defineJob({
  name: 'kill',
  build(env, params) {
    const { input, output, generatedItems, perSecond, existing, misbehaviour } = params as unknown as KillJobParams
    const misbehave = createMisbehaviour(misbehaviour)
    const pace = new Int32Array(new SharedArrayBuffer(4))
    let paced = 0
    const generated = env.from(generator({ records: generatedItems, perSecond, splits: 2, generate: generatedItem }), {
      uid: 'generated',
      watermarks: ascending((item) => item.at),
    })
    const listed = env
      .from(csvFiles(input, { columns: { key: 'string', at: 'int', amount: 'int' } }), {
        uid: 'listed',
        watermarks: ascending((item) => item.at),
      })
      .map(
        (item): Item => {
          // Reading has to last for some checkpoints.
          if (++paced % 16 === 0) Atomics.wait(pace, 0, 0, 1)
          return item
        },
        { uid: 'pace' },
      )
    const items = generated.union(listed).map(
      (item) => {
        misbehave(item)
        return item
      },
      { uid: 'misbehave' },
    )
    items
      .keyBy('key')
      .window(tumbling({ size: `${WINDOW_MS} ms` }))
      .aggregate(
        { n: count(), total: sum<Item>('amount') },
        ({ n, total }, { key, window }) => ({ key, end: window.end, n, total }),
        { uid: 'windows' },
      )
      .to(csvSink(`${output}/windows`, { columns: ['key', 'end', 'n', 'total'], rollBytes: '300 b', existing }), {
        uid: 'windows-out',
      })
    items
      .keyBy('key')
      .process(
        {
          state: { seen: valueState<number>() },
          emits: type<{ readonly key: string; readonly n: number }>(),
          onRecord(item, ctx) {
            const n = (ctx.state.seen.get() ?? 0) + 1
            ctx.state.seen.set(n)
            ctx.emit({ key: item.key, n })
          },
        },
        { uid: 'running' },
      )
      .to(
        csvSink(`${output}/running`, { columns: ['key', 'n'], rollOnCheckpoint: false, rollBytes: '16 kb', existing }),
        { uid: 'running-out' },
      )
  },
})
