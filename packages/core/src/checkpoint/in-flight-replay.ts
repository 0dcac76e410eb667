/**
 * Works off restored data in flight before anything is read from the channels: records in the order of their channel,
 * watermarks merged as they were merged when they came through channels.
 *
 * The channel that is least far in event time goes first. The channels of one sender carry the same watermarks, so that at
 * another parallelism, where one subtask works off what several had, each record meets the event time that it would have met;
 * with one sender exactly that, with several one that it could have met.
 */
import { NO_TIMESTAMP } from '../batch/record-batch.ts'
import { WatermarkMerge } from '../time/watermark-merge.ts'
import { type InFlightElement, type InFlightStage, standingOf } from './in-flight.ts'

/** What a task takes up: watermarks are of all channels together. */
export type ReplayedElement = Extract<InFlightElement, { kind: 'batch' | 'watermark' }>

export class InFlightReplay {
  readonly #stages: InFlightStage[]
  /** Of the first stage: how many elements of each section were taken, and how far each is. */
  #taken: number[] = []
  #merge = new WatermarkMerge(0)

  constructor(stages: readonly InFlightStage[]) {
    this.#stages = stages.filter((stage) => stage.some(({ elements }) => elements.length > 0))
    this.#beginStage()
  }

  /** `undefined` when all is worked off. */
  next(): ReplayedElement | undefined {
    for (;;) {
      const stage = this.#stages[0]
      if (stage === undefined) return undefined
      const index = this.#leastFar(stage)
      if (index === undefined) {
        this.#stages.shift()
        this.#beginStage()
        continue
      }
      const element = stage[index]?.elements[this.#taken[index] as number] as InFlightElement
      ;(this.#taken[index] as number)++
      if (element.kind === 'batch') return element
      if (this.#advance(index, element)) return { kind: 'watermark', timestamp: this.#merge.merged }
    }
  }

  /** What is left, each channel with how far it is. */
  rest(): readonly InFlightStage[] {
    const [first, ...others] = this.#stages
    if (first === undefined) return []
    const begun = first.map((section, index) => ({
      ...section,
      elements: [...standingOf(this.#merge.inputOf(index)), ...section.elements.slice(this.#taken[index])],
    }))
    return [begun, ...others]
  }

  #beginStage(): void {
    const sections = this.#stages[0]?.length ?? 0
    this.#taken = new Array<number>(sections).fill(0)
    this.#merge = new WatermarkMerge(sections)
  }

  #leastFar(stage: InFlightStage): number | undefined {
    let found: number | undefined
    let least = Number.POSITIVE_INFINITY
    for (let index = 0; index < stage.length; index++) {
      if ((this.#taken[index] as number) >= (stage[index]?.elements.length ?? 0)) continue
      const { watermark, isEnded } = this.#merge.inputOf(index)
      const far = isEnded ? Number.POSITIVE_INFINITY : watermark
      if (found !== undefined && far >= least) continue
      found = index
      least = far
    }
    return found
  }

  #advance(index: number, element: Exclude<InFlightElement, { kind: 'batch' }>): boolean {
    if (element.kind === 'watermark') return this.#merge.onWatermark(index, element.timestamp)
    if (element.kind === 'status') return this.#merge.onStatus(index, element.idle)
    const advanced = this.#merge.onEnd(index)
    // That all have ended is told again by the senders.
    return advanced && this.#merge.merged !== Number.POSITIVE_INFINITY && this.#merge.merged !== NO_TIMESTAMP
  }
}
