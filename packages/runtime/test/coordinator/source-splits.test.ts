import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildGraph, collect, defineJob, MillraceError, type Source } from '@millrace/api'
import { compilePlan } from '@millrace/core'
import { SimulatedDisk } from '@millrace/testing'
import { enumerateSplits } from '../../src/coordinator/source-splits.ts'
import type { SplitEntry } from '../../src/task/source-driver.ts'

async function dealt(ids: readonly string[], parallelism: number): Promise<SplitEntry[][]> {
  const asked: number[] = []
  const source: Source<number> = {
    kind: 'numbered',
    options: {},
    boundedness: 'bounded',
    replayable: true,
    enumerate: async (context) => {
      asked.push(context.parallelism)
      return ids.map((id) => ({ id, payload: null }))
    },
    open: () => assert.fail('nothing is read here'),
  }
  const graph = buildGraph(
    defineJob({ name: 'job', build: (env) => env.from(source, { uid: 'numbers' }).to(collect('out')) }),
    {},
  )
  const plan = compilePlan(graph, { parallelism })
  const files = new SimulatedDisk({ random: Math.random }).mount()
  const starts = await enumerateSplits({ graph, plan, files })
  assert.deepEqual(asked, [parallelism])
  const subtasks = starts.get(plan.vertices[0]?.id as string) ?? []
  return subtasks.map(({ operators }) => (operators[0]?.entries ?? []) as unknown as SplitEntry[])
}

describe('enumerateSplits', () => {
  it('deals the splits out in turns, with their place in the list', async () => {
    const entries = await dealt(['a', 'b', 'c', 'd', 'e'], 2)
    assert.deepEqual(
      entries.map((own) => own.map(({ split, index }) => `${split.id}${index}`)),
      [
        ['a0', 'c2', 'e4'],
        ['b1', 'd3'],
      ],
    )
    assert.deepEqual(entries[0]?.[0], {
      split: { id: 'a', payload: null },
      index: 0,
      position: null,
      skip: 0,
      watermark: null,
      generator: null,
      sinceWatermark: 0,
    })
  })

  it('leaves subtasks without splits where there are fewer', async () => {
    assert.deepEqual(
      (await dealt(['a'], 3)).map((own) => own.length),
      [1, 0, 0],
    )
  })

  it('refuses a split that is listed twice', async () => {
    await assert.rejects(
      dealt(['a', 'b', 'a'], 1),
      (error) => error instanceof MillraceError && error.code === 'GRAPH_INVALID' && error.details.split === 'a',
    )
  })
})
