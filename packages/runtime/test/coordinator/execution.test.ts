import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { buildGraph, collect, defineJob, generator, type MillraceError, toErrorData } from '@millrace/api'
import { compilePlan } from '@millrace/core'
import { Execution } from '../../src/coordinator/execution.ts'
import type { SlotLauncher, SlotLaunchOptions, SlotListener } from '../../src/coordinator/slot-launcher.ts'
import type { ToSlot } from '../../src/slot/protocol.ts'
import { NOTHING_RESTORED } from '../../src/slot/restore-keyed-state.ts'
import { ManualClock } from './manual-clock.ts'

const plan = compilePlan(
  buildGraph(
    defineJob({
      name: 'job',
      build(env) {
        env
          .from(generator({ records: 1, generate: (n) => ({ n }) }), { uid: 'numbers', name: 'numbers' })
          .keyBy('n')
          .reduce((a) => a, { uid: 'first', name: 'first' })
          .to(collect('out'), { uid: 'out' })
      },
    }),
    {},
  ),
  { parallelism: 2 },
)

/** Slots that do what the test tells them. */
class PuppetSlots implements SlotLauncher {
  readonly slots: {
    readonly options: SlotLaunchOptions
    readonly listener: SlotListener
    readonly posted: ToSlot['type'][]
    started: ToSlot | undefined
    isTerminated: boolean
  }[] = []
  terminates = true

  launch(options: SlotLaunchOptions, listener: SlotListener) {
    const slot = {
      options,
      listener,
      posted: [] as ToSlot['type'][],
      started: undefined as ToSlot | undefined,
      isTerminated: false,
    }
    this.slots.push(slot)
    return {
      post: (message: ToSlot) => {
        slot.posted.push(message.type)
        if (message.type === 'start') slot.started = message
      },
      terminate: () => {
        slot.isTerminated = true
        return this.terminates ? Promise.resolve() : new Promise<void>(() => {})
      },
    }
  }

  beat(...indices: number[]): void {
    for (const index of indices)
      Atomics.add(new Int32Array(this.slots[index]?.options.heartbeat as SharedArrayBuffer), 0, 1)
  }

  ready(): void {
    for (const { listener } of this.slots)
      listener.onMessage({ type: 'ready', restoredEventTimes: {}, restored: NOTHING_RESTORED })
  }
}

function open(config: { readonly encodeAlways?: boolean } = {}) {
  const clock = new ManualClock()
  const launcher = new PuppetSlots()
  const failures: { error: MillraceError; slot: number | undefined }[] = []
  const execution = new Execution({
    attempt: 0,
    plan,
    jobName: 'job',
    lineage: '0123456789abcdef',
    checkpointFolder: 'checkpoints',
    config: {},
    firstEpoch: 1,
    network: { totalBytes: 64 * 1024 * 1024, ringBytesMin: 32 * 1024, ringBytesMax: 1024 * 1024 },
    encodeAlways: config.encodeAlways ?? false,
    heartbeatTimeoutMs: 1_000,
    terminationTimeoutMs: 5_000,
    clock,
    launcher,
    events: {
      onMessage: () => {},
      onFailed: (error, _task, slot) => void failures.push({ error: error as MillraceError, slot }),
    },
  })
  const started = execution.start({ checkpointId: undefined, folder: undefined, vertices: new Map() })
  started.catch(() => {})
  return { clock, launcher, failures, execution, started }
}

describe('Execution', () => {
  it('starts the slots only when all of them are ready', async () => {
    const { launcher, started } = open()
    launcher.slots[0]?.listener.onMessage({ type: 'ready', restoredEventTimes: {}, restored: NOTHING_RESTORED })
    await setImmediate()
    assert.deepEqual(
      launcher.slots.map(({ posted }) => posted),
      [['deploy'], ['deploy']],
    )
    launcher.slots[1]?.listener.onMessage({ type: 'ready', restoredEventTimes: {}, restored: NOTHING_RESTORED })
    await started
    assert.deepEqual(
      launcher.slots.map(({ posted }) => posted),
      [
        ['deploy', 'start'],
        ['deploy', 'start'],
      ],
    )
  })

  it('tells every slot how far the state of all of them has been', async () => {
    const { launcher, started } = open()
    launcher.slots[0]?.listener.onMessage({
      type: 'ready',
      restoredEventTimes: { win: 20, other: 7 },
      restored: NOTHING_RESTORED,
    })
    launcher.slots[1]?.listener.onMessage({
      type: 'ready',
      restoredEventTimes: { win: 30 },
      restored: NOTHING_RESTORED,
    })
    await started
    for (const { started } of launcher.slots) {
      assert.deepEqual(started, { type: 'start', restoredEventTimes: { win: 30, other: 7 } })
    }
  })

  it('a slot that does not beat for the timeout fails the attempt, naming what it runs', () => {
    const { clock, launcher, failures } = open()
    launcher.ready()
    for (let i = 0; i < 3; i++) {
      launcher.beat(0)
      clock.pass(250)
    }
    assert.equal(failures.length, 0)
    for (let i = 0; i < 3; i++) {
      launcher.beat(0)
      clock.pass(250)
    }
    assert.equal(failures.length, 1)
    assert.deepEqual([failures[0]?.slot, failures[0]?.error.code], [1, 'SLOT_HEARTBEAT_TIMEOUT'])
    assert.match(failures[0]?.error.message ?? '', /Slot 1 .* 1000 ms; it runs .*numbers.* \(2\/2\).*first/)
  })

  it('slots that beat are left alone', () => {
    const { clock, launcher, failures } = open()
    for (let i = 0; i < 100; i++) {
      launcher.beat(0, 1)
      clock.pass(250)
    }
    assert.equal(failures.length, 0)
  })

  it('a check that comes late says nothing about the slots', () => {
    const { clock, launcher, failures } = open()
    launcher.beat(0, 1)
    clock.pass(250)
    clock.jump(60_000)
    clock.pass(250)
    launcher.beat(0, 1)
    clock.pass(1_000)
    assert.equal(failures.length, 0)
    clock.pass(500)
    assert.equal(failures.length, 1)
  })

  it('a slot that fails before it is ready fails the start', async () => {
    const { launcher, failures, started } = open()
    const error = { name: 'MillraceError', message: 'no', stack: undefined, hint: undefined, cause: undefined }
    launcher.slots[0]?.listener.onMessage({
      type: 'failed',
      task: undefined,
      error: { ...error, code: 'INTERNAL', details: {} },
    })
    await assert.rejects(started, /no/)
    assert.equal(failures.length, 1)
  })

  for (const { name, cause, code, message } of [
    {
      name: 'ends',
      cause: undefined,
      code: 'SLOT_LOST',
      message: /Slot 1 was lost: it ended; it ran .*numbers.* \(2\/2\).*first.* \(2\/2\)/,
    },
    { name: 'throws', cause: new Error('bang'), code: 'SLOT_LOST', message: /Slot 1 was lost: bang/ },
    {
      name: 'runs out of memory',
      cause: Object.assign(new Error('heap'), { code: 'ERR_WORKER_OUT_OF_MEMORY' }),
      code: 'SLOT_OUT_OF_MEMORY',
      message: /heap/,
    },
  ]) {
    it(`a slot that ${name} fails the attempt`, () => {
      const { launcher, failures } = open()
      launcher.ready()
      launcher.slots[1]?.listener.onLost(cause)
      assert.deepEqual([failures[0]?.slot, failures[0]?.error.code], [1, code])
      assert.match(failures[0]?.error.message ?? '', message)
      assert.equal(failures[0]?.error.cause, cause)
    })
  }

  it("a slot whose thread the job's code ends fails the attempt once, with the place where", () => {
    const { launcher, failures } = open()
    launcher.ready()
    const cause = new Error('process.exit(3) was called')
    launcher.slots[1]?.listener.onMessage({ type: 'exiting', error: toErrorData(cause) })
    assert.deepEqual([failures[0]?.slot, failures[0]?.error.code], [1, 'SLOT_LOST'])
    assert.match(failures[0]?.error.message ?? '', /Slot 1 was lost: process\.exit\(3\) was called; it ran .*numbers/)
    assert.equal((failures[0]?.error.cause as Error | undefined)?.stack, cause.stack)
  })

  it('closes in order: asks, waits for the answers, then ends the slots; a slot that does not answer is ended', async () => {
    const { clock, launcher, execution, failures } = open()
    launcher.ready()
    await setImmediate()
    const closed = execution.close()
    launcher.slots[0]?.listener.onMessage({ type: 'closed' })
    await setImmediate()
    assert.deepEqual(
      launcher.slots.map(({ isTerminated }) => isTerminated),
      [false, false],
    )
    clock.pass(5_000)
    await closed
    assert.deepEqual(
      launcher.slots.map(({ isTerminated }) => isTerminated),
      [true, true],
    )
    launcher.slots[0]?.listener.onLost(new Error('gone'))
    assert.equal(failures.length, 0)
  })

  it('says when a slot cannot be ended', async () => {
    const { clock, launcher, execution } = open()
    launcher.terminates = false
    const ended = execution.terminate(3_000)
    clock.pass(3_000)
    assert.equal(await ended, false)
  })
})
