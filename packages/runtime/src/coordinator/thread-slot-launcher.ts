/** Slots as worker threads of this process. */
import { Worker } from 'node:worker_threads'
import type { PlainValue } from '@millrace/api'
import type { PlanSettings } from '@millrace/core'
import { decideHeapLimitMb } from '../slot/heap-budget.ts'
import type { KillPoint } from '../slot/kill-point.ts'
import type { FromSlot } from '../slot/protocol.ts'
import type { SlotStateSettings } from '../slot/slot-backends.ts'
import type { SlotWorkerData } from '../slot/slot-worker-data.ts'
import type { SlotHandle, SlotLauncher, SlotLaunchOptions, SlotListener } from './slot-launcher.ts'

/**
 * Records live shortly, so the young generation of every slot fills up whatever its size; V8's own choice is four times
 * this for no less CPU time (decision 0011).
 */
const YOUNG_GENERATION_MB = 48

export interface ThreadSlotLauncherOptions {
  readonly bundlePath: string
  readonly params: PlainValue
  readonly planSettings: PlanSettings
  readonly heartbeatTimeoutMs: number
  /** What the heap of one slot may hold. */
  readonly heapBudgetBytes: number
  readonly state: SlotStateSettings
  readonly killPoint: KillPoint | undefined
}

export class ThreadSlotLauncher implements SlotLauncher {
  readonly #options: ThreadSlotLauncherOptions

  constructor(options: ThreadSlotLauncherOptions) {
    this.#options = options
  }

  launch({ slot, doorbell, heartbeat }: SlotLaunchOptions, listener: SlotListener): SlotHandle {
    const { bundlePath, params, planSettings, heartbeatTimeoutMs, heapBudgetBytes, state, killPoint } = this.#options
    const workerData: SlotWorkerData = {
      slot,
      doorbell,
      heartbeat,
      heartbeatPeriodMs: Math.max(10, heartbeatTimeoutMs / 8),
      bundlePath,
      params,
      planSettings,
      heapBudgetBytes,
      state,
      killPoint,
    }
    const worker = new Worker(new URL(import.meta.resolve('@millrace/runtime/slot')), {
      workerData,
      name: `slot ${slot}`,
      resourceLimits: {
        maxOldGenerationSizeMb: decideHeapLimitMb(heapBudgetBytes),
        maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
      },
    })
    let isEnding = false
    let cause: unknown
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    worker.on('message', (message: FromSlot) => listener.onMessage(message))
    worker.on('messageerror', (error) => listener.onLost(error))
    worker.on('error', (error) => {
      cause = error
    })
    worker.on('exit', (code) => {
      if (!isEnding) listener.onLost(cause ?? new Error(`its thread ended with code ${code}`))
    })
    return {
      post: (message) => worker.postMessage(message),
      terminate: async () => {
        isEnding = true
        await worker.terminate()
        await exited
      },
    }
  }
}
