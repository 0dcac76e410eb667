/**
 * Faults to plant in the engine, one at a time, each by an exact replacement of its text. Every one must be found by one of
 * its suites; one that is not found shows a gap in the tests, one whose text is gone has to be written anew.
 */

export interface Mutant {
  readonly name: string
  /** What would happen to a user. */
  readonly why: string
  /** Below `packages/`. */
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** Test files below `packages/`, the quickest first; `SIMULATION` is the fault simulation. */
  readonly suites: readonly string[]
}

export const SIMULATION = 'testing/test/simulation/simulation.test.ts'

const ALIGNMENT = ['core/test/checkpoint/alignment.test.ts']
const COMBINER = 'core/test/combine/combiner.property.test.ts'
const RESTORE = ['core/test/checkpoint/restore-assignment.test.ts']

export const MUTANTS: readonly Mutant[] = [
  // Barriers and snapshots
  {
    name: 'alignment skipped',
    why: 'records after a barrier count into the checkpoint before it, and again after a restore',
    file: 'core/src/checkpoint/alignment.ts',
    find: 'if (alignment.arrived.has(channel)) return true',
    replace: 'if (alignment.arrived.has(channel)) return false',
    suites: [SIMULATION],
  },
  {
    name: 'aborted alignment keeps its channels blocked',
    why: 'the job stands still after the first checkpoint that is given up',
    file: 'core/src/checkpoint/alignment.ts',
    find: 'this.#open.delete(checkpointId)\n    if (checkpointId <= this.#settledId) return',
    replace: 'if (checkpointId <= this.#settledId) return',
    suites: ALIGNMENT,
  },
  {
    name: 'barrier past a half-fired window',
    why: 'a snapshot holds windows of which some results have left and others not',
    file: 'runtime/src/task/task.ts',
    find: '    this.#encodeSnapshots()\n    this.#fireProcessingTime(budget)',
    replace:
      "    this.#encodeSnapshots()\n    if (input.kind === 'gate' && !this.#isEnded) {\n      this.#takeFromGate(input.gate)\n      if (sink?.operator.isBusy !== true) for (const due of this.#dueBarriers.splice(0)) this.#takeSnapshot(due)\n    }\n    this.#fireProcessingTime(budget)",
    suites: [SIMULATION],
  },
  {
    name: 'source snapshot before its chain is drained',
    why: 'records that a source counts as read are behind the barrier, and lost after a restore',
    file: 'runtime/src/task/task.ts',
    find: "if (progress !== 'idle') return progress",
    replace: "if (progress !== 'idle' && this.#dueBarriers.length === 0) return progress",
    suites: [SIMULATION],
  },
  {
    name: 'snapshot while the sink writes',
    why: 'what a sink is writing is in no checkpoint, or in two',
    file: 'runtime/src/task/task.ts',
    find: "if (sink?.operator.isBusy === true) return 'waiting'",
    replace: '',
    suites: [SIMULATION],
  },
  {
    name: 'barrier after the next record',
    why: 'a record from after the snapshot gets before the barrier',
    file: 'runtime/src/task/task.ts',
    find: 'for (const edge of this.#edges) edge.broadcast(barrier)',
    replace: 'queueMicrotask(() => { for (const edge of this.#edges) edge.broadcast(barrier) })',
    suites: [SIMULATION],
  },
  {
    name: 'control elements overtake the open batch',
    why: 'watermarks, barriers and the end leave before records that were emitted before them',
    file: 'runtime/src/task/edge-writer.ts',
    find: '    this.flushOpenBatches()\n    for (const channel of this.#channels) this.#send(channel, element)',
    replace: '    for (const channel of this.#channels) this.#send(channel, element)',
    suites: [SIMULATION],
  },
  {
    name: 'completion known to the barrier ignored',
    why: 'a delta builds on a checkpoint that retention may already have removed',
    file: 'runtime/src/channel/ring-channel.ts',
    find: 'this.#ringView.setFloat64(at + 16, element.lastCompletedId, true)',
    replace: '',
    suites: ['runtime/test/channel/channel.property.test.ts', SIMULATION],
  },

  // State
  {
    name: 'dirty marks lost on abort',
    why: 'what changed before an aborted checkpoint is in no later delta',
    file: 'runtime/src/state/heap/heap-state-backend.ts',
    find: '    this.#snapshots.delete(id)\n    this.#closeView(snapshot)',
    replace:
      '    this.#snapshots.delete(id)\n    this.#tracker.completedEpoch = snapshot.bounds.epoch\n    this.#closeView(snapshot)',
    suites: ['testing/test/state-conformance/heap-state-backend.test.ts', SIMULATION],
  },
  {
    name: 'snapshot sees later changes',
    why: 'entries that change while a snapshot is encoded are stored as they are later',
    file: 'runtime/src/state/heap/change-tracker.ts',
    find: '    if (part.changed(at) === this.epoch) return\n    if (this.open !== undefined) this.open.capture(map, row)',
    replace: '    if (part.changed(at) === this.epoch) return',
    suites: [SIMULATION],
  },
  {
    name: 'tombstones dropped from deltas',
    why: 'state that was deleted is back after a restore',
    file: 'runtime/src/state/heap/heap-snapshot.ts',
    find: 'const isDeleted = !entries.isLive(at)',
    replace: 'const isDeleted = !entries.isLive(at)\n    if (isDeleted) return',
    suites: [SIMULATION],
  },
  {
    name: 'hole left in an index',
    why: 'keys that stood behind one which was deleted are not found any more: they begin anew',
    file: 'runtime/src/state/heap/entry-index.ts',
    find: 'if (distance < ((slot - hole) & (slots.length - 1))) continue',
    replace: 'if (distance >= 0) continue',
    suites: ['runtime/test/state/heap/entry-map.test.ts'],
  },
  {
    name: 'key with more properties taken for another',
    why: 'two keys whose hashes meet share their state',
    file: 'core/src/key/same-key.ts',
    find: 'return left === 0',
    replace: 'return left >= 0',
    suites: ['core/test/key/same-key.property.test.ts'],
  },
  {
    name: 'fold forgets what it took from the budget',
    why: 'a turn of a running aggregate has no end while there is input: barriers and other tasks wait',
    file: 'core/src/operator/keyed-fold.ts',
    find: '    budget.units -= next - from\n',
    replace: '',
    suites: ['core/test/operator/keyed-fold.test.ts'],
  },
  {
    name: 'base of an older snapshot forgotten',
    why: 'a delta over a chain that a checkpoint in between had dropped is refused, and the job fails',
    file: 'runtime/src/state/heap/heap-snapshot.ts',
    find: 'const isNamed = base === 0 || written',
    replace: 'const isNamed = base === 0 ? operator.hasBase[index] === 1 : written',
    suites: ['runtime/test/state/heap/concurrent-snapshots.test.ts'],
  },
  {
    name: 'ledger builds on an incomplete checkpoint',
    why: 'a manifest names segments of a checkpoint that never was',
    file: 'core/src/checkpoint/segment-ledger.ts',
    find: '    open.chains = chains\n',
    replace: '    open.chains = chains\n    this.#chains = chains\n',
    suites: ['core/test/checkpoint/segment-ledger.test.ts', SIMULATION],
  },
  {
    name: 'timers not restored',
    why: 'timers that were set before a failure never fire',
    file: 'runtime/src/state/heap/heap-state-backend.ts',
    find: 'for (const entry of restored.entries()) table.restoreEntry(keyGroup, entry)',
    replace:
      "for (const entry of restored.entries()) if (!restored.descriptor.name.startsWith('_timers')) table.restoreEntry(keyGroup, entry)",
    suites: [SIMULATION],
  },
  {
    name: 'key groups restored to the wrong subtask',
    why: 'after a change of parallelism keys meet empty state',
    file: 'core/src/checkpoint/restore-assignment.ts',
    find: 'subtaskOfKeyGroup(keyGroup, vertex.parallelism, vertex.maxParallelism) === subtask',
    replace: 'keyGroup % vertex.parallelism === subtask',
    suites: [SIMULATION],
  },

  // Sources
  {
    name: 'skip count dropped on restore',
    why: 'records of the batch in work are read twice',
    file: 'runtime/src/task/source-driver.ts',
    find: 'skip: entry.skip,',
    replace: 'skip: 0,',
    suites: [SIMULATION],
  },
  {
    name: 'watermark generator not restored',
    why: 'which records are late differs after a restore',
    file: 'runtime/src/task/source-driver.ts',
    find: 'if (entry.generator !== null) generator?.restore(entry.generator)',
    replace: '',
    suites: ['runtime/test/task/source-driver.property.test.ts', SIMULATION],
  },
  {
    name: 'count since the last watermark not restored',
    why: 'watermarks come at other records after a restore',
    file: 'runtime/src/task/source-driver.ts',
    find: 'sinceWatermark: entry.sinceWatermark,',
    replace: 'sinceWatermark: 0,',
    suites: [SIMULATION],
  },
  {
    name: 'record computed and passed over where the output is full',
    why: 'records are lost under back pressure',
    file: 'core/src/chain/source-loop.ts',
    find: "before: 'if (output.isFull) return i',",
    replace: "before: 'if (output.isFull) return i + 1',",
    suites: ['core/test/chain/source-loop.test.ts', SIMULATION],
  },
  {
    name: 'records of a source ahead of its active status',
    why: 'the receiver may let event time pass records that are on their way',
    file: 'runtime/src/task/source-driver.ts',
    find: '    this.#options.target.onActive()\n    this.#current = split',
    replace: '    this.#current = split',
    suites: ['runtime/test/task/task.test.ts'],
  },
  {
    name: 'end before the last split',
    why: 'what other splits still hold is never read',
    file: 'runtime/src/task/source-driver.ts',
    find: 'if (this.#splits.every(({ ended }) => ended)) {',
    replace: 'if (this.#splits.some(({ ended }) => ended)) {',
    suites: [SIMULATION],
  },
  {
    name: 'splits given to a finished subtask',
    why: 'a split that is left is dealt to a subtask that reads nothing any more',
    file: 'core/src/checkpoint/restore-assignment.ts',
    find: 'const dealtTo = takers.length > 0 ? takers : subtasks',
    replace: 'const dealtTo = takers.length > subtasks.length ? takers : subtasks',
    suites: [...RESTORE, SIMULATION],
  },
  {
    name: 'finished subtask run again',
    why: 'what a finished subtask does at its end happens twice',
    file: 'core/src/checkpoint/restore-assignment.ts',
    find: 'finished: finished[subtask] ?? false',
    replace: 'finished: false',
    suites: RESTORE,
  },

  // Event time
  {
    name: 'watermarks merged by their maximum',
    why: 'slower inputs become late',
    file: 'core/src/time/watermark-merge.ts',
    find: 'if (watermark < minimum) minimum = watermark',
    replace: 'minimum = minimum === WATERMARK_MAX ? watermark : Math.max(minimum, watermark)',
    suites: ['core/test/time/watermark-merge.property.test.ts', SIMULATION],
  },
  {
    name: 'idle channel holds the watermark',
    why: 'event time stands still while one input is quiet',
    file: 'core/src/time/watermark-merge.ts',
    find: "if (this.#states[input] !== 'active') continue",
    replace: "if (this.#states[input] === 'ended') continue",
    suites: ['core/test/time/watermark-merge.property.test.ts'],
  },
  {
    name: 'watermark ahead of data',
    why: 'a watermark leaves an operator before all that it covers',
    file: 'core/src/chain/operator-chain.ts',
    find: '        if (!done) break\n      } else {\n        const unitsBefore',
    replace: '      } else {\n        const unitsBefore',
    suites: [SIMULATION],
  },
  {
    name: 'late check off by one',
    why: 'a record at the edge of lateness still changes a closed window',
    file: 'core/src/operator/window-aggregate.ts',
    find: 'return end - 1 + this.#latenessMs <= eventTime',
    replace: 'return end - 1 + this.#latenessMs < eventTime',
    suites: [SIMULATION],
  },
  // Combining before an exchange
  {
    name: 'combiner does not know the restored event time',
    why: 'after a restore late records are hidden in partial results, and the job fails',
    file: 'core/src/combine/combiner.ts',
    find: 'this.#eventTime = Math.max(this.#eventTime, eventTime)',
    replace: 'void eventTime',
    suites: [COMBINER, SIMULATION],
  },
  {
    name: 'restored event time of one slot only',
    why: 'as above, for keys whose state another slot restores',
    file: 'runtime/src/coordinator/execution.ts',
    find: 'latestByUid(this.#slots.map((slot) => slot.restoredEventTimes))',
    replace: 'latestByUid(this.#slots.slice(0, 1).map((slot) => slot.restoredEventTimes))',
    suites: ['runtime/test/coordinator/execution.test.ts'],
  },
  {
    name: 'late records combined',
    why: 'late records count in no output',
    file: 'core/src/combine/combiner.ts',
    find: 'if (layout.firstWindowEnd - 1 <= this.#eventTime) return undefined',
    replace: '',
    suites: [COMBINER, SIMULATION],
  },
  {
    name: 'partial results behind their watermark',
    why: 'windows fire without the records that were combined last',
    file: 'core/src/combine/combiner.ts',
    find: 'slice.firstWindowEnd - 1 <= watermark',
    replace: 'slice.firstWindowEnd - 1 < watermark',
    suites: [COMBINER, SIMULATION],
  },
  {
    name: 'restored event time not told to senders',
    why: 'records that are late by restored state are combined, and the job fails',
    file: 'runtime/src/slot/task-builder.ts',
    find: 'if (edge instanceof CombiningEdgeWriter) edge.restoreEventTimes(times)',
    replace: 'void [edge, times]',
    suites: ['runtime/test/coordinator/combined-restore.test.ts'],
  },
  {
    name: 'partial results held at a barrier',
    why: 'records that a source counts as read are in no snapshot',
    file: 'runtime/src/task/combining-edge-writer.ts',
    find: 'else this.#combiner.flush()',
    replace: "else if (element.kind !== 'barrier') this.#combiner.flush()",
    suites: ['runtime/test/task/combining-edge-writer.test.ts', SIMULATION],
  },
  {
    name: 'sender that was idle goes on combining',
    why: 'it is behind the receiver, so its late records come combined, and the job fails',
    file: 'runtime/src/task/combining-edge-writer.ts',
    find: 'this.#combiner.stop()',
    replace: 'void 0',
    suites: ['runtime/test/task/combining-edge-writer.test.ts'],
  },
  {
    name: 'partial results overtake single records',
    why: 'first and last of equal timestamps depend on how records were sent',
    file: 'runtime/src/task/combining-edge-writer.ts',
    find: 'beginPartials: () => this.flushOpenBatches()',
    replace: 'beginPartials: () => {}',
    suites: ['runtime/test/task/combining-edge-writer.test.ts'],
  },

  // Waking
  {
    name: 'reader of a ring not woken',
    why: 'a task sleeps although its input has come',
    file: 'runtime/src/channel/ring.ts',
    find: 'if (Atomics.load(this.words, WORD_READER_WAITS) !== 0 && Atomics.exchange(this.words, WORD_READER_WAITS, 0) !== 0) {',
    replace:
      'if (Atomics.load(this.words, WORD_READER_WAITS) > 1 && Atomics.exchange(this.words, WORD_READER_WAITS, 0) !== 0) {',
    suites: [SIMULATION],
  },
  {
    name: 'writer of a ring not woken',
    why: 'a task sleeps although its output has room again',
    file: 'runtime/src/channel/ring.ts',
    find: 'if (Atomics.exchange(this.words, WORD_WRITER_WAITS, 0) !== 0) this.other.wake()',
    replace: 'Atomics.exchange(this.words, WORD_WRITER_WAITS, 0)',
    suites: [SIMULATION],
  },
  {
    name: 'writer of a local channel not woken',
    why: 'as above, within a slot',
    file: 'runtime/src/channel/local-channel.ts',
    find: '      this.#writerWaits = false\n      this.#options.writerWakeUp.wake()',
    replace: '      this.#writerWaits = false',
    suites: [SIMULATION],
  },
  {
    name: 'doorbell does not look again',
    why: 'a ring between the search for work and the sleep is lost',
    file: 'runtime/src/channel/doorbell.ts',
    find: 'Atomics.load(this.#words, WORD_RINGS) !== looked || ',
    replace: '',
    suites: ['runtime/test/channel/doorbell.test.ts', 'runtime/test/channel/lost-wake-up.test.ts'],
  },
  {
    name: 'task not woken when its sink has written',
    why: 'the job stands still after a write that took time',
    file: 'runtime/src/task/sink-operator.ts',
    find: '        this.#onSettled()',
    replace: '',
    suites: [SIMULATION],
  },
  {
    name: 'task not woken by its reader',
    why: 'the job stands still after a read that took time',
    file: 'runtime/src/task/source-driver.ts',
    find: '        this.#onBatch(split, batch)\n        this.#options.wake()',
    replace: '        this.#onBatch(split, batch)',
    suites: [SIMULATION],
  },

  // Channels and codecs
  {
    name: 'ring loses a record between two pieces of a batch',
    why: 'records are lost under back pressure',
    file: 'runtime/src/channel/ring-channel.ts',
    find: '      this.#from += count\n',
    replace: '      this.#from += this.#from === 0 && count < batch.records.length ? count + 1 : count\n',
    suites: [SIMULATION],
  },
  {
    name: 'strings of a message that was not sent stay in the dictionary',
    why: 'the receiver lacks them, and damage is reported where there is none',
    file: 'core/src/codec/string-dictionary.ts',
    find: '        dictionary.numbers.delete(text)\n',
    replace: '',
    suites: ['core/test/codec/string-dictionary.test.ts', 'core/test/codec/batch-codec.property.test.ts'],
  },
  {
    name: 'negative zero becomes zero',
    why: 'values differ by whether they crossed a thread',
    file: 'core/src/codec/value-encoder.ts',
    find: ' || Object.is(value, -0)) {',
    replace: ') {',
    suites: ['core/test/codec/value-codec.test.ts', 'core/test/codec/value-codec.property.test.ts'],
  },

  // Storing checkpoints
  {
    name: 'manifest before segments',
    why: 'a crash leaves a checkpoint that names bytes which never reached the disk',
    file: 'runtime/src/checkpoint-storage/file-checkpoint-storage.ts',
    find: '      await file.sync()\n    })\n  }\n\n  async #withNewFile',
    replace: '    })\n  }\n\n  async #withNewFile',
    suites: [SIMULATION],
  },
  {
    name: 'names of segments not made durable',
    why: 'a crash leaves a checkpoint whose segment files are gone',
    file: 'runtime/src/checkpoint-storage/file-checkpoint-storage.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the engine's text
    find: 'await this.#files.syncFolder(`${this.folder}/${SHARED_FOLDER}`)',
    replace: '',
    suites: [SIMULATION],
  },
  {
    name: 'manifest not made durable before the commit',
    why: 'after a crash output is visible whose checkpoint is gone',
    file: 'runtime/src/checkpoint-storage/file-checkpoint-storage.ts',
    find: "await this.#step('manifest:before-folder-sync')\n    await this.#files.syncFolder(folder)",
    replace: "await this.#step('manifest:before-folder-sync')",
    suites: [SIMULATION],
  },
  {
    name: 'commit before the manifest',
    why: 'a crash between the two leaves output that a restore writes again',
    file: 'runtime/src/coordinator/checkpoint-coordinator.ts',
    find: 'this.#storing = this.#store(action.checkpointId, action.isFinal)',
    replace:
      'this.#execution?.complete(action.checkpointId)\n        this.#storing = this.#store(action.checkpointId, action.isFinal)',
    suites: [SIMULATION],
  },
  {
    name: 'retention deletes a live file',
    why: 'the kept checkpoint cannot be restored',
    file: 'core/src/checkpoint/retention.ts',
    find: 'filter((file) => !live.has(file))',
    replace: "filter((file) => !live.has(file + '?'))",
    suites: ['core/test/checkpoint/retention.test.ts', SIMULATION],
  },
  {
    name: 'retention ignores what pending checkpoints build on',
    why: 'a checkpoint under way loses its base',
    file: 'runtime/src/coordinator/checkpoint-coordinator.ts',
    find: 'this.#keeper.retain(Math.min(...this.#buildsOn.values()))',
    replace: 'this.#keeper.retain(Number.POSITIVE_INFINITY)',
    suites: [SIMULATION],
  },
  {
    name: 'completed checkpoint holds retention back',
    why: 'old checkpoints fill the disk',
    file: 'runtime/src/coordinator/checkpoint-coordinator.ts',
    find: 'this.#buildsOn.delete(checkpointId)',
    replace: '',
    suites: [SIMULATION],
  },
  {
    name: 'failed checkpoint holds retention back',
    why: 'after a checkpoint that failed old ones fill the disk',
    file: 'runtime/src/coordinator/checkpoint-coordinator.ts',
    find: 'this.#buildsOn.delete(action.checkpointId)',
    replace: '',
    suites: [SIMULATION],
  },
  {
    name: 'ids used again after a resume',
    why: 'a new checkpoint replaces the one that it started from',
    file: 'runtime/src/coordinator/choose-start.ts',
    find: '      firstCheckpointId: newestId + 1,\n      claim: async () => {},\n',
    replace: '      firstCheckpointId: newestId,\n      claim: async () => {},\n',
    suites: [SIMULATION],
  },

  // Sinks
  {
    name: 'committables forgotten after an aborted checkpoint',
    why: 'output that was prepared for it is never visible',
    file: 'runtime/src/task/pending-commits.ts',
    find: 'const due = this.#pending.filter((pending) => pending.checkpointId <= checkpointId)',
    replace: 'const due = this.#pending.filter((pending) => pending.checkpointId === checkpointId)',
    suites: [SIMULATION],
  },
  {
    name: 'checkpoint carries what a later one prepared',
    why: 'output is committed that a restore writes again',
    file: 'runtime/src/task/pending-commits.ts',
    find: 'this.#pending.filter((each) => each.checkpointId <= checkpointId)',
    replace: 'this.#pending',
    suites: ['runtime/test/task/pending-commits.test.ts', SIMULATION],
  },
  {
    name: 'restored committables not committed',
    why: 'what was prepared and not yet visible when the process died is lost',
    file: 'runtime/src/coordinator/job-coordinator.ts',
    find: 'await this.#targets.commit(restored.manifest)',
    replace: '',
    suites: [SIMULATION],
  },
  {
    name: 'open part not continued',
    why: 'records in a part that was open at the checkpoint are lost',
    file: 'connectors/files/src/sink/part-file-writer.ts',
    find: 'for (const [index, state] of parts.entries()) await writer.#continuePart(state, index)',
    replace: '',
    suites: [SIMULATION],
  },
  {
    name: 'open part copied beyond its recorded length',
    why: 'records after the checkpoint are in the output twice',
    file: 'connectors/files/src/sink/copy-open-part.ts',
    find: '    if (sum !== state.crc32) {',
    replace:
      '    for (let length = await source.read(chunk, target.lengthBytes); length > 0; ) {\n      await target.write(chunk.subarray(0, length))\n      length = await source.read(chunk, target.lengthBytes)\n    }\n    if (sum !== state.crc32) {',
    suites: [SIMULATION],
  },
  {
    name: 'committed names not made durable',
    why: 'a crash makes committed output invisible again, and nothing commits it a second time',
    file: 'connectors/files/src/sink/part-file-committer.ts',
    find: 'for (const folder of folders) await attempt(folder, () => this.#files.syncFolder(folder))',
    replace: '',
    suites: [SIMULATION],
  },
  {
    name: 'prepared bytes not made durable',
    why: 'after a crash prepared output is torn',
    file: 'connectors/files/src/sink/part-file-writer.ts',
    find: '      await file.sync()\n      await file.close()',
    replace: '      await file.close()',
    suites: [SIMULATION],
  },

  // Failover
  {
    name: 'lock removed without a second look',
    why: 'two processes own one checkpoint folder',
    file: 'runtime/src/checkpoint-storage/folder-lock.ts',
    find: "if (typeof owner === 'object' && isSame(owner, dead)) await",
    replace: "if (typeof owner === 'object') await",
    suites: ['runtime/test/checkpoint-storage/folder-lock.property.test.ts'],
  },
  {
    name: 'next attempt beside a living one',
    why: 'writers of the old attempt go on writing into the new one',
    file: 'runtime/src/coordinator/job-coordinator.ts',
    find: "if (end.kind === 'failed') return await execution.terminate(terminationTimeoutMs)",
    replace: "if (end.kind === 'failed') return void execution.terminate(terminationTimeoutMs) ?? true",
    suites: [SIMULATION],
  },
  {
    name: 'restore point chosen while a checkpoint is stored',
    why: 'the next attempt starts before a checkpoint whose output is committed then',
    file: 'runtime/src/coordinator/job-coordinator.ts',
    find: '    await this.#checkpoints.settled\n',
    replace: '',
    suites: [SIMULATION],
  },
  {
    name: 'named start forgotten',
    why: 'a resume before the first checkpoint begins at record 0 instead of the savepoint',
    file: 'runtime/src/coordinator/choose-start.ts',
    find: 'claim: () => writeLineage(files, folder, { id: manifest.lineage, origin }),',
    replace: 'claim: () => writeLineage(files, folder, { id: manifest.lineage, origin: undefined }),',
    suites: ['runtime/test/coordinator/choose-start.test.ts'],
  },
  {
    name: 'folder claimed before sinks are asked',
    why: 'a start that is refused takes the run before it away from --resume',
    file: 'runtime/src/coordinator/job-coordinator.ts',
    find: '      await this.#targets.check(restored?.manifest)\n      await this.#options.claim()\n',
    replace: '      await this.#options.claim()\n      await this.#targets.check(restored?.manifest)\n',
    suites: ['runtime/test/coordinator/job-ending.test.ts'],
  },
  {
    name: 'cancel leaves what sinks are doing behind',
    why: 'the folder is free while output of the cancelled job is still being committed',
    file: 'runtime/src/coordinator/job-coordinator.ts',
    find: '    if (!(await this.#isSettledInTime(starting))) this.#isStuck = true\n',
    replace: '',
    suites: ['runtime/test/coordinator/job-ending.test.ts'],
  },

  // Aggregates
  {
    name: 'merge puts shared values of the other together in place',
    why: 'a slice in state changes while a window that shares it fires',
    file: 'api/src/aggregate/shared-distinct.ts',
    find: 'sharedValues([...other], sharers)',
    replace: 'sharedValues(other, sharers)',
    suites: ['api/test/aggregate/shared-distinct.property.test.ts'],
  },
  {
    name: 'results taken to hold no parts of accumulators',
    why: 'rows that have left change with the next record of their key',
    file: 'core/src/aggregate/own-result.ts',
    find: 'return aggregate.holdsObjects(result)',
    replace: 'return false',
    suites: ['core/test/operator/process-and-fold.test.ts'],
  },
  {
    name: 'segments of version 1 refused',
    why: 'no job restores what the version before has written',
    file: 'core/src/checkpoint/segment-format.ts',
    find: 'const SEGMENT_VERSION_MIN = 1',
    replace: 'const SEGMENT_VERSION_MIN = 2',
    suites: ['core/test/checkpoint/segment-format.test.ts'],
  },
]
