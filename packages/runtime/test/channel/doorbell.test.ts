import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { createDoorbell, Doorbell, DoorbellRinger } from '../../src/channel/doorbell.ts'
import type { DoorbellPeerRequest } from './doorbell-peer.worker.ts'

const ROUNDS = 20_000

async function hasResolved(promise: Promise<void>): Promise<boolean> {
  let resolved = false
  void promise.then(() => {
    resolved = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  return resolved
}

test('a ring between look and sleep makes the sleep end at once', async () => {
  const memory = createDoorbell()
  const bell = new Doorbell(memory)
  const looked = bell.look()
  new DoorbellRinger(memory).wake()
  assert.ok(await hasResolved(bell.sleep(looked)))
})

test('a ring before look does not end the sleep that follows; a wake from the own thread does', async () => {
  const memory = createDoorbell()
  const bell = new Doorbell(memory)
  new DoorbellRinger(memory).wake()
  const sleep = bell.sleep(bell.look())
  assert.equal(await hasResolved(sleep), false)
  bell.wake()
  await sleep
})

test('a wake from the own thread during the search is kept for the sleep after it', async () => {
  const bell = new Doorbell(createDoorbell())
  const looked = bell.look()
  bell.wake()
  assert.ok(await hasResolved(bell.sleep(looked)))
})

test('sleeps ended by the own thread share one wait, which still hears a ring', { timeout: 60_000 }, async () => {
  const memory = createDoorbell()
  const bell = new Doorbell(memory)
  for (let i = 0; i < 100; i++) {
    const sleep = bell.sleep(bell.look())
    bell.wake()
    await sleep
  }
  const sleep = bell.sleep(bell.look())
  new DoorbellRinger(memory).wake()
  // Keeps the event loop alive, which the wait alone does not.
  const alive = setInterval(() => {}, 1_000)
  await sleep
  clearInterval(alive)
})

test(`two threads play ${ROUNDS} rounds of ping-pong, asleep in between`, { timeout: 60_000 }, async () => {
  const { own, theirs, bell, ringer, worker } = start('pong')
  const ended = once(worker, 'message')
  for (let round = 1; round <= ROUNDS; round++) {
    Atomics.store(own, 0, round)
    ringer.wake()
    for (;;) {
      const looked = bell.look()
      if (Atomics.load(theirs, 0) >= round) break
      await bell.sleep(looked)
    }
  }
  await ended
  await worker.terminate()
  assert.equal(Atomics.load(theirs, 0), ROUNDS)
})

test('several threads ring one slot, whose sleeps also end by its own timers and microtasks: none is lost', {
  timeout: 60_000,
}, async () => {
  const memory = createDoorbell()
  const bell = new Doorbell(memory)
  const peers = [0, 1, 2].map(() => start('credit', memory, bell))
  const done = peers.map(() => 0)
  let turn = 0
  while (done.some((count) => count < ROUNDS)) {
    const looked = bell.look()
    let progressed = false
    for (const [index, peer] of peers.entries()) {
      const count = Atomics.load(peer.theirs, 0)
      if (count === done[index]) continue
      assert.ok(count > (done[index] ?? 0) && count <= (done[index] ?? 0) + 3)
      done[index] = count
      progressed = true
      Atomics.store(peer.own, 0, count)
      peer.ringer.wake()
    }
    if (progressed) continue
    turn++
    if (turn % 3 === 0) setImmediate(() => bell.wake())
    if (turn % 5 === 0) queueMicrotask(() => bell.wake())
    await bell.sleep(looked)
  }
  await Promise.all(peers.map((peer) => peer.worker.terminate()))
  assert.deepEqual(done, [ROUNDS, ROUNDS, ROUNDS])
})

test('a thread that sleeps on its doorbell can be terminated', { timeout: 60_000 }, async () => {
  const { worker, theirs, own, ringer } = start('pong')
  Atomics.store(own, 0, 1)
  ringer.wake()
  while (Atomics.load(theirs, 0) < 1) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await worker.terminate(), 1)
})

function start(role: 'pong' | 'credit', ownBell = createDoorbell(), bell = new Doorbell(ownBell)) {
  const other = createDoorbell()
  const counts = new SharedArrayBuffer(8)
  const request: DoorbellPeerRequest = { role, own: other, other: ownBell, counts, rounds: ROUNDS }
  const worker = new Worker(new URL('./doorbell-peer.worker.ts', import.meta.url), { workerData: request })
  return {
    own: new Int32Array(counts, 0, 1),
    theirs: new Int32Array(counts, 4, 1),
    bell,
    ringer: new DoorbellRinger(other),
    worker,
  }
}
