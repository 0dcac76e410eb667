import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '@millrace/api'
import type { PhysicalPlan, PlanPartitioning } from '@millrace/core'
import { countRingChannels, decideNetworkMemory } from '../../src/channel/network-memory.ts'

const KIB = 1_024
const limits = { totalBytes: 1_024 * KIB, ringBytesMin: 4 * KIB, ringBytesMax: 256 * KIB }

function planOf(
  parallelisms: readonly number[],
  partitioning: PlanPartitioning,
  groups: readonly string[] = [],
): PhysicalPlan {
  return {
    version: 1,
    jobName: 'job',
    graphHash: '0'.repeat(32),
    vertices: parallelisms.map((parallelism, index) => ({
      id: `v${index}`,
      name: `v${index}`,
      parallelism,
      maxParallelism: 128,
      slotSharingGroup: groups[index] ?? 'default',
      steps: [],
      isSource: index === 0,
    })),
    edges: parallelisms.slice(1).map((_, index) => ({
      id: `e${index}`,
      from: `v${index}`,
      fromStep: 0,
      sideOutput: undefined,
      to: `v${index + 1}`,
      partitioning,
    })),
    warnings: [],
  }
}

const hash: PlanPartitioning = { kind: 'hash', field: undefined }

for (const { name, plan, channels } of [
  { name: 'parallelism² without those within a slot', plan: planOf([4, 4], hash), channels: [12] },
  { name: 'unequal parallelism', plan: planOf([2, 3], hash), channels: [4] },
  { name: 'another slot-sharing group', plan: planOf([2, 3], hash, ['a', 'b']), channels: [6] },
  { name: 'forward within slots', plan: planOf([4, 4], { kind: 'forward' }), channels: [0] },
  { name: 'forward between groups', plan: planOf([4, 4], { kind: 'forward' }, ['a', 'b']), channels: [4] },
  { name: 'one subtask', plan: planOf([1, 1, 1], { kind: 'rebalance' }), channels: [0, 0] },
]) {
  test(`channels that need a ring: ${name}`, () => {
    assert.deepEqual(
      countRingChannels(plan).map((exchange) => exchange.channels),
      channels,
    )
  })
}

for (const { channels, ringBytes } of [
  { channels: 0, ringBytes: 256 * KIB },
  { channels: 1, ringBytes: 256 * KIB },
  { channels: 4, ringBytes: 128 * KIB },
  { channels: 12, ringBytes: 64 * KIB },
  { channels: 200, ringBytes: 4 * KIB },
]) {
  test(`${channels} channels within 1 MiB have rings of ${ringBytes} bytes`, () => {
    const memory = decideNetworkMemory([{ edgeId: 'e', channels }], limits)
    assert.equal(memory.ringBytes, ringBytes)
    assert.ok(memory.usedBytes <= limits.totalBytes)
  })
}

test('too many channels: the error says how much is needed, and the key to raise', () => {
  const exchanges = [
    { edgeId: 'small', channels: 100 },
    { edgeId: 'large', channels: 400 },
  ]
  assert.throws(
    () => decideNetworkMemory(exchanges, limits),
    (error) => {
      assert.ok(error instanceof MillraceError)
      assert.equal(error.code, 'NETWORK_MEMORY_INSUFFICIENT')
      assert.equal(error.details.largestExchange, 'large')
      assert.match(error.message, /500 channels/)
      assert.match(error.hint ?? '', /taskmanager\.memory\.network\.max/)
      const enough = Number(error.details.requiredBytes)
      assert.equal(decideNetworkMemory(exchanges, { ...limits, totalBytes: enough }).ringBytes, limits.ringBytesMin)
      return true
    },
  )
})
