/** What goes past the elements of a channel: announced barriers, and holding the writer back. The same for both kinds. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ChannelReader, ChannelWriter, CheckpointBarrier, StreamElement } from '@millrace/core'
import { LocalChannel } from '../../src/channel/local-channel.ts'
import { createRing } from '../../src/channel/ring.ts'
import { RingChannelReader, RingChannelWriter } from '../../src/channel/ring-channel.ts'

interface Ends {
  readonly writer: ChannelWriter
  readonly reader: ChannelReader
  readonly woken: { reader: number; writer: number }
}

const KINDS: Readonly<Record<string, () => Ends>> = {
  RingChannel() {
    const woken = { reader: 0, writer: 0 }
    const ring = createRing({ capacityBytes: 1_024, memory: 'local' })
    return {
      woken,
      writer: new RingChannelWriter(ring, { readerWakeUp: { wake: () => void woken.reader++ } }),
      reader: new RingChannelReader(ring, { writerWakeUp: { wake: () => void woken.writer++ } }),
    }
  },
  LocalChannel() {
    const woken = { reader: 0, writer: 0 }
    const channel = new LocalChannel({
      budgetBytes: 1_024,
      estimateRecordBytes: () => 60,
      readerWakeUp: { wake: () => void woken.reader++ },
      writerWakeUp: { wake: () => void woken.writer++ },
    })
    return { writer: channel, reader: channel, woken }
  },
}

const barrierOf = (checkpointId: number): CheckpointBarrier => ({
  kind: 'barrier',
  checkpointId,
  triggeredAtMs: 1_700_000_000_000.25,
  lastCompletedId: 2 ** 40,
  snapshotKind: 'full-checkpoint',
})
const batch: StreamElement = {
  kind: 'batch',
  batch: { records: ['x'.repeat(60)], timestamps: [0], keyHashes: undefined },
}

for (const [name, open] of Object.entries(KINDS)) {
  describe(name, () => {
    it('shows an announced barrier before it arrives, whole, and wakes the reader for it', () => {
      const { writer, reader, woken } = open()
      assert.equal(reader.announced, undefined)
      while (writer.offer(batch)) {}
      writer.announce(barrierOf(7))
      assert.equal(woken.reader, 1)
      assert.deepEqual(reader.announced, barrierOf(7))
      assert.deepEqual(reader.announced, barrierOf(7), 'it stays')
      writer.announce(barrierOf(8))
      assert.deepEqual(reader.announced, barrierOf(8))
      assert.equal(reader.poll()?.kind, 'batch', 'what is queued comes as before')
    })

    it('has no room while it is held back, and wakes the writer afterwards', () => {
      const { writer, reader, woken } = open()
      assert.equal(writer.isHeldBack, false)
      reader.holdBack(true)
      assert.equal(writer.offer(batch), false)
      assert.equal(writer.isHeldBack, true)
      assert.equal(woken.writer, 0)
      reader.holdBack(false)
      assert.equal(woken.writer, 1)
      assert.equal(writer.isHeldBack, false)
      assert.equal(writer.offer(batch), true)
      reader.holdBack(true)
      reader.holdBack(false)
      assert.equal(woken.writer, 1, 'nobody waited')
    })

    it('lets what leads up to an announced barrier through, and nothing behind it', () => {
      const { writer, reader } = open()
      reader.holdBack(true)
      writer.announce(barrierOf(7))
      assert.equal(writer.offer(batch), true)
      assert.equal(writer.offer(barrierOf(7)), true)
      assert.equal(writer.offer(batch), false)
      assert.deepEqual([reader.poll()?.kind, reader.poll()?.kind, reader.poll()], ['batch', 'barrier', undefined])
      reader.holdBack(false)
      assert.equal(writer.offer(batch), true)
    })
  })
}
