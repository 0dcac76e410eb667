/**
 * What happens next in a simulated process: a turn of a slot, a message, a disk operation, time, or a fault. Everything that
 * could happen is weighed by the preferences of the schedule.
 *
 * It throws when nothing is left that could happen, or when nothing happens although tasks have work: a wake-up was lost.
 */
import type { FaultInjection } from './fault-injection.ts'
import { CALM_AFTER_ACTIONS, type Preferences } from './fault-plan.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import type { SimulatedSlot } from './simulated-slots.ts'
import type { SimulationParts } from './simulation-options.ts'

const CALM: Preferences = { turn: 1, toSlot: 1, toCoordinator: 1, disk: 2, time: 0.002 }
/** Time that may pass although something else could happen: less than any slot is given to end. */
const HASTE_MS_MAX = 200
const TURN_MS_MAX = 1.5

export class NextAction {
  readonly #parts: SimulationParts
  readonly #faults: FaultInjection

  constructor(parts: SimulationParts, faults: FaultInjection) {
    this.#parts = parts
    this.#faults = faults
  }

  act(process: SimulatedProcess): void {
    const { random, log, time, traffic, options } = this.#parts
    const preferences = log.total < CALM_AFTER_ACTIONS ? options.preferences : CALM
    if (this.#faults.injectDue(process)) return
    const { slots } = process
    for (const slot of slots) slot.beat()
    const due = slots.filter((slot) => slot.isTurnDue(time.nowMs))
    const hearing = slots.filter(({ hasInbox }) => hasInbox)
    const telling = slots.filter(({ hasOutbox }) => hasOutbox)
    const exiting = slots.filter(({ isExiting }) => isExiting)
    const diskWeight = this.#faults.takeSlowDisk() ? 0.01 : preferences.disk
    const weights = [
      due.length > 0 ? preferences.turn : 0,
      hearing.length > 0 ? preferences.toSlot : 0,
      telling.length > 0 ? preferences.toCoordinator : 0,
      exiting.length > 0 ? 0.5 : 0,
      traffic.waiting.length > 0 ? diskWeight : 0,
      // What is overdue comes soon, like a turn.
      (time.nextTimerMs ?? Number.POSITIVE_INFINITY) <= time.nowMs ? preferences.turn : 0,
    ]
    const other = weights.reduce((sum, weight) => sum + weight, 0)
    let at = random.fraction() * (other + preferences.time)
    const chosen = weights.findIndex((weight) => {
      at -= weight
      return at < 0
    })
    if (other === 0) this.#passTime(process, true)
    else if (chosen === -1) this.#passTime(process, false)
    else if (chosen === 0) this.#turn(random.pick(due))
    else if (chosen === 1) this.#hear(random.pick(hearing))
    else if (chosen === 2) this.#tell(random.pick(telling))
    else if (chosen === 3) this.#exit(random.pick(exiting))
    else if (chosen === 4) this.completeOperation()
    else this.#fireTimer()
  }

  /** One of those that wait. */
  completeOperation(): void {
    const { random, log, time, traffic } = this.#parts
    const { operation } = traffic.complete(random.below(traffic.waiting.length))
    log.add(`disk:${operation.kind}`, operation.path)
    time.pass(random.fraction() * 0.2)
  }

  #turn(slot: SimulatedSlot): void {
    const { random, log, time } = this.#parts
    log.add('turn', String(slot.index))
    time.pass(random.fraction() * TURN_MS_MAX)
    slot.turn()
  }

  #hear(slot: SimulatedSlot): void {
    const type = slot.hear()
    this.#parts.log.add(`to-slot:${type}`, String(slot.index))
  }

  #tell(slot: SimulatedSlot): void {
    const type = slot.tell()
    this.#parts.log.add(`to-coordinator:${type}`, String(slot.index))
  }

  #exit(slot: SimulatedSlot): void {
    this.#parts.log.add('exit', String(slot.index))
    slot.exit()
  }

  /** `isStill`: nothing else could happen. Then somebody has to be waiting for time. */
  #passTime(process: SimulatedProcess, isStill: boolean): void {
    const { log, time } = this.#parts
    const timerMs = time.nextTimerMs
    const dues = process.slots.map(({ nextDueMs }) => nextDueMs).filter((due) => due !== undefined)
    if (isStill) this.#checkNotStuck(process, dues)
    const dueMs = dues.length === 0 ? undefined : Math.min(...dues)
    const earliestMs = Math.min(timerMs ?? Number.POSITIVE_INFINITY, dueMs ?? Number.POSITIVE_INFINITY)
    if (!isStill && earliestMs > time.nowMs + HASTE_MS_MAX) return
    if (timerMs === undefined && dueMs === undefined) {
      if (isStill) throw new Error('stuck: nothing is left that could happen')
      return
    }
    if (dueMs !== undefined && (timerMs === undefined || dueMs < timerMs)) {
      log.add('time:slot-due')
      // Due times are whole milliseconds and a clock that shows them may stand a fraction before.
      time.pass(Math.max(0, Math.ceil(dueMs) - time.nowMs))
      return
    }
    this.#fireTimer()
  }

  #fireTimer(): void {
    this.#parts.log.add('time:timer')
    this.#parts.time.fireNext()
  }

  /** Everything is still, so tasks that have work were not woken for it. */
  #checkNotStuck({ coordinator, slots }: SimulatedProcess, dues: readonly number[]): void {
    if (coordinator === undefined || dues.length > 0) return
    if (coordinator.facts.state !== 'RUNNING' && coordinator.facts.state !== 'CANCELLING') return
    if (slots.some(({ isHung, life }) => isHung && life.isAlive)) return
    if (slots.some(({ life }) => this.#parts.time.hasTimerOf(life))) return
    const running = coordinator.reading().tasks.filter(({ isEnded }) => !isEnded)
    const { inProgress } = coordinator.statistics.counts
    if (running.length === 0 && inProgress > 0) throw new Error('stuck: nobody works on the pending checkpoint')
    if (running.length === 0) return
    const names = running.map(({ id }) => `${id.vertexId}/${id.subtask}`).join(', ')
    throw new Error(`stuck: nothing happens although ${names} have not ended: a wake-up was lost`)
  }
}
