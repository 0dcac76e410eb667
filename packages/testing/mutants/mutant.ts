/** A fault to plant in the engine, and suites that more than one file of faults names. */

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
export const SEGMENTS = 'testing/test/state-conformance/segments-state-backend.test.ts'
