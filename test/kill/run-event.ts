/** The lines that the killed process writes. */
import type { ErrorCode } from '@millrace/api'

export type RunEvent =
  | { readonly event: 'state'; readonly state: string }
  | { readonly event: 'message'; readonly text: string }
  | { readonly event: 'failure'; readonly code: ErrorCode | null; readonly message: string; readonly restarts: boolean }
  | { readonly event: 'checkpoint'; readonly id: number; readonly outcome: 'completed' | 'failed' }
  | RunOutcome

export interface RunOutcome {
  readonly event: 'outcome'
  readonly state: 'FINISHED' | 'FAILED' | 'CANCELED' | 'SUSPENDED'
  readonly code: ErrorCode | null
  readonly message: string | null
  readonly savepoint: string | null
  readonly attempts: number
  /** By all tasks of the last attempt; 0 when none ran. */
  readonly recordsRead: number
}
