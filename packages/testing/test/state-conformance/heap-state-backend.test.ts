/** The heap backend passes the suite of all backends. It stands here because the suite does: runtime does not know the test kit. */
import { HeapStateBackend } from '@millrace/runtime'
import { stateBackendConformance } from '../../src/state-conformance/state-backend-conformance.ts'

stateBackendConformance(
  'HeapStateBackend',
  (options) => new HeapStateBackend({ ...options, monotonicMs: () => 0, encodeStepEntries: 1 }),
)
