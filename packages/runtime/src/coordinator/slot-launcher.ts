/** How the coordinator gets slots: worker threads in production, objects on the same thread in the simulation. */
import type { FromSlot, ToSlot } from '../slot/protocol.ts'

export interface SlotLauncher {
  /** Starts a slot. What goes wrong comes through the listener, never as an exception later. */
  launch(options: SlotLaunchOptions, listener: SlotListener): SlotHandle
}

export interface SlotLaunchOptions {
  readonly slot: number
  readonly attempt: number
  /** The slot's own doorbell; all doorbells come with the deployment. */
  readonly doorbell: SharedArrayBuffer
  readonly heartbeat: SharedArrayBuffer
}

export interface SlotListener {
  onMessage(message: FromSlot): void
  /** The slot has ended without being asked to: with what, if it is known. */
  onLost(error: unknown): void
}

export interface SlotHandle {
  post(message: ToSlot): void
  /** Ends the slot at once. Resolves when nothing of it runs any more, file operations under way included. */
  terminate(): Promise<void>
}
