/** Faults of sinks and two-phase commit. */
import { type Mutant, SIMULATION } from './mutant.ts'

export const SINKS: readonly Mutant[] = [
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
    file: 'runtime/src/coordinator/attempt-start.ts',
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

  // Two-phase sinks
  {
    name: 'transactions that no checkpoint names stay',
    why: 'they hold locks of the outside system for ever, and their records come twice once somebody commits them',
    file: 'api/src/sink/two-phase/transactional-sink.ts',
    find: 'for (const id of unnamed) await target.abort(id)',
    replace: '',
    suites: ['testing/test/sink-conformance/two-phase-sinks.test.ts'],
  },
  {
    name: 'every prepared transaction rolled back before an attempt',
    why: 'what a complete checkpoint has prepared is lost with the crash before its commit',
    file: 'api/src/sink/two-phase/transactional-sink.ts',
    find: '.filter((id) => !named.has(id))',
    replace: '.filter((id) => named.size >= 0 || id)',
    suites: ['testing/test/sink-conformance/two-phase-sinks.test.ts'],
  },
  {
    name: 'batches written again that the system has',
    why: 'records come twice after a recovery',
    file: 'api/src/sink/two-phase/write-ahead-sink.ts',
    find: 'if (this.#remembersBatches && (await this.#target.has?.(id)) === true) continue',
    replace: '',
    suites: ['testing/test/sink-conformance/two-phase-sinks.test.ts'],
  },
  {
    name: 'rows held back beyond the barrier',
    why: 'they are lost when the job dies after the checkpoint',
    file: 'api/src/sink/two-phase/upsert-sink.ts',
    find: 'await this.#flush()\n    this.#epoch = checkpointId + 1',
    replace: 'this.#epoch = checkpointId + 1',
    suites: ['testing/test/sink-conformance/two-phase-sinks.test.ts'],
  },
]
