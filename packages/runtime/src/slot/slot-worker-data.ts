/** What a worker thread is started with. */
import type { PlainValue } from '@millrace/api'
import type { PlanSettings } from '@millrace/core'
import type { KillPoint } from './kill-point.ts'
import type { SlotStateSettings } from './slot-backends.ts'

export interface SlotWorkerData {
  readonly slot: number
  readonly doorbell: SharedArrayBuffer
  readonly heartbeat: SharedArrayBuffer
  readonly heartbeatPeriodMs: number
  readonly bundlePath: string
  readonly params: PlainValue
  readonly planSettings: PlanSettings
  /** What the slot's heap may hold; above it the slot fails itself. */
  readonly heapBudgetBytes: number
  readonly state: SlotStateSettings
  /** The step at which this process is to kill itself: for the suite that does so. */
  readonly killPoint: KillPoint | undefined
}
