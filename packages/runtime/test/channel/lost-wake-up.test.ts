/**
 * Looks for lost wake-ups by interruption: while one side performs an operation, the other side takes its whole turn
 * before the k-th atomic access, for every k. Two sides on one thread, so each interleaving is exact and repeatable; what
 * real threads add is tested in `ring.test.ts` and `doorbell.test.ts`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDoorbell, Doorbell, DoorbellRinger } from '../../src/channel/doorbell.ts'
import { createRing, RingReader, RingWriter } from '../../src/channel/ring.ts'

const ACCESSES = ['load', 'store', 'exchange', 'compareExchange', 'add', 'notify', 'waitAsync'] as const

/** Runs `operation`, and `interruption` before its access number `at`; false when it has fewer. */
function interrupted(operation: () => void, at: number, interruption: () => void): boolean {
  const originals = ACCESSES.map((name) => [name, Atomics[name]] as const)
  let accesses = 0
  let isInterrupted = false
  for (const [name, original] of originals) {
    Object.defineProperty(Atomics, name, {
      configurable: true,
      writable: true,
      value(...args: unknown[]): unknown {
        if (!isInterrupted && accesses++ === at) {
          isInterrupted = true
          interruption()
        }
        return Reflect.apply(original, Atomics, args)
      },
    })
  }
  try {
    operation()
  } finally {
    for (const [name, value] of originals)
      Object.defineProperty(Atomics, name, { configurable: true, writable: true, value })
  }
  return isInterrupted
}

/** A ring whose ends work until they have to wait, and go on only when woken. */
function sleepers(lengths: readonly number[], filled: number) {
  const ring = createRing({ capacityBytes: 64 })
  const awake = { writer: true, reader: true }
  const writer = new RingWriter(ring, { wake: () => (awake.reader = true) })
  const reader = new RingReader(ring, { wake: () => (awake.writer = true) })
  const count = { written: 0, read: 0 }
  const write = (upTo: number): void => {
    while (count.written < upTo) {
      if (!writer.tryWrite(1, new Uint8Array(lengths[count.written] ?? 0))) {
        awake.writer = false
        return
      }
      count.written++
    }
  }
  const read = (): void => {
    while (reader.poll()) {
      reader.release()
      count.read++
    }
    awake.reader = false
  }
  write(filled)
  return { awake, count, write: () => write(lengths.length), read }
}

// A turn that is cut off by the other side's turn may set `awake` to false after it was woken, so the wake-up counts
// from the moment the operation gave up: this is what a slot's doorbell ticket does.
function turn(name: 'writer' | 'reader', ends: ReturnType<typeof sleepers>, at?: number, other?: () => void): boolean {
  ends.awake[name] = true
  let wokenMeanwhile = false
  const operation = name === 'writer' ? ends.write : ends.read
  const wasInterrupted = interrupted(operation, at ?? Number.POSITIVE_INFINITY, () => {
    ends.awake[name] = false
    other?.()
    wokenMeanwhile = ends.awake[name]
  })
  if (wokenMeanwhile) ends.awake[name] = true
  return wasInterrupted
}

const shorts = (count: number): number[] => new Array<number>(count).fill(8)

for (const { name, lengths, filled } of [
  { name: 'empty', lengths: shorts(9), filled: 0 },
  { name: 'with one message', lengths: shorts(9), filled: 1 },
  { name: 'full', lengths: shorts(9), filled: 4 },
  { name: 'empty, one message to come', lengths: shorts(1), filled: 0 },
  { name: 'full, one message to come', lengths: shorts(5), filled: 4 },
  { name: 'to be emptied wholly for a message that wraps', lengths: [8, 16, 24], filled: 2 },
]) {
  for (const first of ['writer', 'reader'] as const) {
    test(`ring ${name}: the ${first} is interrupted at each access`, () => {
      let at = 0
      for (;;) {
        const ends = sleepers(lengths, filled)
        const wasInterrupted = turn(first, ends, at, first === 'writer' ? ends.read : ends.write)
        for (let turns = 0; ends.count.read < lengths.length; turns++) {
          assert.ok(turns < 100)
          if (ends.awake.reader) turn('reader', ends)
          else if (ends.awake.writer && ends.count.written < lengths.length) turn('writer', ends)
          else assert.fail(`both sleep after access ${at}: ${ends.count.written} written, ${ends.count.read} read`)
        }
        if (!wasInterrupted) break
        at++
      }
      assert.ok(at >= 3)
    })
  }
}

for (const { name, open } of [
  { name: 'fresh doorbell', open: (memory: SharedArrayBuffer) => new Doorbell(memory) },
  { name: 'doorbell with a wait left over', open: armedDoorbell },
]) {
  test(`${name}: a ring at any moment of the search and of going to sleep ends the sleep`, async () => {
    for (let at = 0; ; at++) {
      const memory = createDoorbell()
      const bell = open(memory)
      const ringer = new DoorbellRinger(memory)
      let hasWork = false
      let sleep: Promise<void> | undefined
      const wasInterrupted = interrupted(
        () => {
          const looked = bell.look()
          // The search for work begins with an access of its own, so that the ring may also come right before it.
          Atomics.load(new Int32Array(1), 0)
          if (!hasWork) sleep = bell.sleep(looked)
        },
        at,
        () => {
          hasWork = true
          ringer.wake()
        },
      )
      if (!wasInterrupted) break
      if (sleep === undefined) continue
      assert.ok(await endsSoon(sleep), `a ring before access ${at} was lost`)
    }
  })

  test(`${name}: going to sleep at any moment of a ring finds its work or is ended by it`, async () => {
    for (let at = 0; ; at++) {
      const memory = createDoorbell()
      const bell = open(memory)
      const ringer = new DoorbellRinger(memory)
      let sleep: Promise<void> | undefined
      // The work is there before the ring, so a slot that looks from now on finds it. This one has looked before.
      const looked = bell.look()
      const wasInterrupted = interrupted(
        () => ringer.wake(),
        at,
        () => {
          sleep = bell.sleep(looked)
        },
      )
      if (!wasInterrupted) break
      assert.ok(sleep !== undefined && (await endsSoon(sleep)), `asleep before access ${at} of a ring`)
    }
  })

  test(`${name}: the late half of a ring that the slot has seen does not spoil the sleep that follows`, async () => {
    for (let at = 0; ; at++) {
      const memory = createDoorbell()
      const bell = open(memory)
      const ringer = new DoorbellRinger(memory)
      let sleep: Promise<void> | undefined
      const wasInterrupted = interrupted(
        () => {
          sleep = bell.sleep(bell.look())
        },
        at,
        () => withoutAddition(() => ringer.wake()),
      )
      if (!wasInterrupted) break
      ringer.wake()
      assert.ok(sleep !== undefined && (await endsSoon(sleep)), `unheard after a late half before access ${at}`)
    }
  })
}

/** A doorbell whose slot once slept and was woken by itself, so that its wait is still outstanding. */
function armedDoorbell(memory: SharedArrayBuffer): Doorbell {
  const bell = new Doorbell(memory)
  void bell.sleep(bell.look())
  bell.wake()
  return bell
}

/** What a ringer does after its addition, when that was made earlier. */
function withoutAddition(ring: () => void): void {
  const add = Atomics.add
  Object.defineProperty(Atomics, 'add', { configurable: true, writable: true, value: () => 0 })
  try {
    ring()
  } finally {
    Object.defineProperty(Atomics, 'add', { configurable: true, writable: true, value: add })
  }
}

/** Whether a sleep ends within some rounds of the event loop. */
async function endsSoon(sleep: Promise<void>): Promise<boolean> {
  let hasEnded = false
  void sleep.then(() => {
    hasEnded = true
  })
  for (let round = 0; round < 1_000 && !hasEnded; round++) await new Promise((resolve) => setImmediate(resolve))
  return hasEnded
}
