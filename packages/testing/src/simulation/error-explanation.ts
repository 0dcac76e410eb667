/**
 * Whether what has happened to a simulated job explains an error: injected faults, damage, things that take their time. An error
 * that nothing explains is a fault of the engine.
 */
import type { ErrorCode, ErrorData } from '@millrace/api'
import type { SimulationParts } from './simulation-options.ts'

/** Errors that injected faults may lead to. Everything else is a fault of the engine. */
const EXPLAINED: ReadonlySet<ErrorCode> = new Set([
  'USER_FUNCTION_FAILED',
  'SLOT_LOST',
  'SLOT_HEARTBEAT_TIMEOUT',
  'SINK_WRITE_FAILED',
  'SINK_COMMIT_FAILED',
  'CHECKPOINT_DECLINED',
  'CHECKPOINT_FAILED',
  'CHECKPOINT_FOLDER_UNUSABLE',
  'SAVEPOINT_FAILED',
  'INPUT_UNREADABLE',
  'DISK_FAILED',
  'RESTARTS_EXHAUSTED',
  'JOB_CANCELED',
] satisfies ErrorCode[])

/** Errors that need no fault but only things that take their time. */
const SLOWNESS: ReadonlySet<ErrorCode> = new Set([
  'CHECKPOINT_EXPIRED',
  'CHECKPOINT_FAILURES_EXCEEDED',
  'CHECKPOINT_FOLDER_LOCKED',
] satisfies ErrorCode[])

/** What the present process has met. */
interface Disturbance {
  /** Faults were injected, or somebody wants the job to end. */
  readonly isDisturbed: boolean
  /** Slots that never returned. */
  readonly hangs: number
}

/** Remembers an error that nothing explains. */
export function explainError(error: ErrorData, disturbance: Disturbance, parts: SimulationParts): void {
  const { trouble, log, options, findings } = parts
  const innermost = innermostOf(error)
  if (innermost.message.includes('injected') || options.isExpected(error)) return
  for (let each: ErrorData | undefined = error; each !== undefined; each = each.cause) {
    if (each.code !== undefined && SLOWNESS.has(each.code)) return
  }
  if (disturbance.isDisturbed && error.code !== undefined && EXPLAINED.has(error.code)) return
  // Injected errors differ from each other but for these: the same slot twice ends the job on purpose.
  const isHangAgain = error.code === 'REPEATED_FAILURE' && innermost.code === 'SLOT_HEARTBEAT_TIMEOUT'
  if (isHangAgain && disturbance.hangs > 1) return
  if (trouble.explains(error)) {
    log.add('damage-found', error.message)
    return
  }
  // What cannot be read counts as damaged until it can.
  if (trouble.hadTrouble && JSON.stringify(error).includes('injected')) return
  const because = innermost === error ? '' : ` (${innermost.message})`
  findings.add(new Error(`no fault explains ${error.code}: ${error.message}${because}\n${innermost.stack ?? ''}`))
}

function innermostOf(error: ErrorData): ErrorData {
  let innermost = error
  while (innermost.cause !== undefined) innermost = innermost.cause
  return innermost
}
