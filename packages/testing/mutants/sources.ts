/** Faults of sources and event time. */
import { type Mutant, SIMULATION } from './mutant.ts'

const RESTORE = ['core/test/checkpoint/restore-assignment.test.ts']

export const SOURCES: readonly Mutant[] = [
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
  {
    name: 'slice that was taken in before not read again',
    why: 'windows fire without records that came behind the watermark, though in time for them',
    file: 'core/src/window/running-merge.ts',
    find: ' && !this.#readAgain(row)',
    replace: ' && this.isBulky(row)',
    suites: ['core/test/operator/window-aggregate.property.test.ts'],
  },
  {
    name: 'key that moved to another row not found there',
    why: 'what a key comes to in running windows goes to another key',
    file: 'core/src/window/running-rows.ts',
    find: 'this.#index.move(mixHash(page.hashes[at] as number), last, row)',
    replace: '',
    suites: ['core/test/window/running-rows.test.ts', 'core/test/operator/sliding-firing.test.ts'],
  },
]
