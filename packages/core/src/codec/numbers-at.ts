/**
 * An array of numbers that stands in a typed array. Who encodes it (`ValueEncoder.numbers`) or hashes it (`hashNumbers`)
 * reads the numbers where they are, with the result that the array would give. It may be set to another place, so what
 * is handed over is only good for the call.
 */
export class NumbersAt {
  numbers: Float64Array
  start: number
  count: number

  constructor(numbers: Float64Array, start: number, count: number) {
    this.numbers = numbers
    this.start = start
    this.count = count
  }

  set(numbers: Float64Array, start: number, count: number): this {
    this.numbers = numbers
    this.start = start
    this.count = count
    return this
  }
}
