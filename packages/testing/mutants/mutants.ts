/**
 * Faults to plant in the engine, one at a time, each by an exact replacement of its text. Every one must be found by one of
 * its suites; one that is not found shows a gap in the tests, one whose text is gone has to be written anew.
 */
import { CHANNELS } from './channels.ts'
import { CHECKPOINT_STORAGE } from './checkpoint-storage.ts'
import { EVOLUTION } from './evolution.ts'
import { FAILOVER } from './failover.ts'
import { LARGE_STATE } from './large-state.ts'
import type { Mutant } from './mutant.ts'
import { SINKS } from './sinks.ts'
import { SNAPSHOTS } from './snapshots.ts'
import { SOURCES } from './sources.ts'
import { STATE } from './state.ts'

export const MUTANTS: readonly Mutant[] = [
  ...LARGE_STATE,
  ...STATE,
  ...SNAPSHOTS,
  ...CHECKPOINT_STORAGE,
  ...SOURCES,
  ...CHANNELS,
  ...SINKS,
  ...FAILOVER,
  ...EVOLUTION,
]
