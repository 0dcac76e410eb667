/** One end of a ring on a thread of its own: streams numbered messages, or checks them, asleep whenever it can't go on. */
import { parentPort, workerData } from 'node:worker_threads'
import { Doorbell, DoorbellRinger } from '../../src/channel/doorbell.ts'
import { type RingMemory, RingReader, RingWriter } from '../../src/channel/ring.ts'

export interface RingPeerRequest {
  readonly role: 'reader' | 'writer'
  readonly ring: RingMemory
  readonly bells: { readonly reader: SharedArrayBuffer; readonly writer: SharedArrayBuffer }
  readonly messages: number
}

const { role, ring, bells, messages } = workerData as RingPeerRequest
// Keeps this thread alive while it sleeps on its doorbell.
parentPort?.on('message', () => {})
if (role === 'writer') await write()
else await read()
parentPort?.postMessage({ role, messages })

async function write(): Promise<void> {
  const bell = new Doorbell(bells.writer)
  const writer = new RingWriter(ring, new DoorbellRinger(bells.reader))
  let next = 0
  while (next < messages) {
    const looked = bell.look()
    while (next < messages && writer.reserve(lengthOf(next, writer.messageBytesMax))) {
      const length = lengthOf(next, writer.messageBytesMax)
      for (let i = 0; i < length; i++) writer.data[writer.reservedOffset + i] = next + i
      writer.commit(next & 0xffff, length)
      next++
    }
    if (next < messages) await bell.sleep(looked)
  }
}

async function read(): Promise<void> {
  const bell = new Doorbell(bells.reader)
  const reader = new RingReader(ring, new DoorbellRinger(bells.writer))
  const messageBytesMax = reader.capacityBytes / 2 - 8
  let next = 0
  while (next < messages) {
    const looked = bell.look()
    while (reader.poll()) {
      if (reader.kind !== (next & 0xffff)) throw new Error(`kind ${reader.kind} at message ${next}`)
      if (reader.length !== lengthOf(next, messageBytesMax)) throw new Error(`${reader.length} bytes at ${next}`)
      for (let i = 0; i < reader.length; i++) {
        if (reader.data[reader.offset + i] !== ((next + i) & 0xff)) throw new Error(`byte ${i} of message ${next}`)
      }
      reader.release()
      next++
    }
    if (next < messages) await bell.sleep(looked)
  }
}

/** Mostly short, now and then the longest possible; the same on both sides. */
function lengthOf(index: number, max: number): number {
  const mixed = (index * 2654435761) >>> 0
  return mixed % 1021 === 0 ? max : Math.min(max, mixed % 29)
}
