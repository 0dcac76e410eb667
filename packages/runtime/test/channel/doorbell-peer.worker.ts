/** A thread that answers rings (`pong`), or rings as often as it is let (`credit`). */
import { parentPort, workerData } from 'node:worker_threads'
import { Doorbell, DoorbellRinger } from '../../src/channel/doorbell.ts'

export interface DoorbellPeerRequest {
  readonly role: 'pong' | 'credit'
  readonly own: SharedArrayBuffer
  readonly other: SharedArrayBuffer
  /** Words: what the other side has done, what this side has done. */
  readonly counts: SharedArrayBuffer
  readonly rounds: number
}

const { role, own, other, counts, rounds } = workerData as DoorbellPeerRequest
parentPort?.on('message', () => {})
const theirs = new Int32Array(counts, 0, 1)
const ours = new Int32Array(counts, 4, 1)
const bell = new Doorbell(own)
const ringer = new DoorbellRinger(other)

for (let done = 0; done < rounds; ) {
  const looked = bell.look()
  // `pong` answers each of their steps; `credit` may be up to three steps ahead of them.
  const allowed = Atomics.load(theirs, 0) + (role === 'pong' ? 0 : 3)
  if (done >= allowed) {
    await bell.sleep(looked)
    continue
  }
  done++
  Atomics.store(ours, 0, done)
  ringer.wake()
}
parentPort?.postMessage('done')
