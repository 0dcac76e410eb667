/**
 * Event time of several inputs merged into one: the minimum over the inputs that hold it. An input does not hold event
 * time while it is idle or after it has ended. The merged watermark never goes back: an input that wakes up behind it
 * is simply late.
 */
import { NO_TIMESTAMP, WATERMARK_MAX } from '../batch/record-batch.ts'

type InputState = 'active' | 'idle' | 'ended'

export class WatermarkMerge {
  readonly #watermarks: number[]
  readonly #states: InputState[]
  #merged = NO_TIMESTAMP

  constructor(inputs: number) {
    this.#watermarks = new Array<number>(inputs).fill(NO_TIMESTAMP)
    this.#states = new Array<InputState>(inputs).fill('active')
    if (inputs === 0) this.#merged = WATERMARK_MAX
  }

  get merged(): number {
    return this.#merged
  }

  /** Whether no input holds event time, though not all have ended: then this merge holds nothing downstream either. */
  get isIdle(): boolean {
    return !this.#states.includes('active') && this.#states.includes('idle')
  }

  get isEnded(): boolean {
    return this.#states.every((state) => state === 'ended')
  }

  /** How far one input is: what it would have to say to be taken up as it is now. */
  inputOf(input: number): { readonly watermark: number; readonly isIdle: boolean; readonly isEnded: boolean } {
    const state = this.#states[input]
    return {
      watermark: this.#watermarks[input] ?? NO_TIMESTAMP,
      isIdle: state === 'idle',
      isEnded: state === 'ended',
    }
  }

  /** Each returns whether the merged watermark advanced. */
  onWatermark(input: number, watermark: number): boolean {
    if (watermark > (this.#watermarks[input] ?? NO_TIMESTAMP)) this.#watermarks[input] = watermark
    return this.#advance()
  }

  onStatus(input: number, idle: boolean): boolean {
    if (this.#states[input] === 'ended') return false
    this.#states[input] = idle ? 'idle' : 'active'
    return this.#advance()
  }

  onEnd(input: number): boolean {
    this.#states[input] = 'ended'
    return this.#advance()
  }

  #advance(): boolean {
    let minimum = WATERMARK_MAX
    let holders = 0
    for (let input = 0; input < this.#states.length; input++) {
      if (this.#states[input] !== 'active') continue
      holders++
      const watermark = this.#watermarks[input] as number
      if (watermark < minimum) minimum = watermark
    }
    // With every input idle nothing is known; with every input ended nothing can follow.
    if (holders === 0 && !this.isEnded) return false
    if (minimum <= this.#merged) return false
    this.#merged = minimum
    return true
  }
}
