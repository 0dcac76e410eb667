/**
 * Strings of a column, kept for when the same bytes come again: most text columns repeat few values, and finding one
 * costs less than decoding it. Direct-mapped and of fixed size; a column whose values do not repeat switches it off.
 */

const ENTRIES = 1_024
const LENGTH_MAX = 32
/** After so many look-ups, a hit rate below a quarter ends the use. */
const TRIAL_LOOKUPS = 8_192

export class StringCache {
  readonly #entries: (string | undefined)[] = new Array(ENTRIES).fill(undefined)
  #isOn = true
  #lookups = 0
  #hits = 0

  /** The text of `[from, to)`; the bytes must be ASCII when `isAscii`, else valid UTF-8. */
  get(bytes: Buffer, from: number, to: number, isAscii: boolean): string {
    const length = to - from
    if (length === 0) return ''
    if (length > LENGTH_MAX || !this.#isOn) return decode(bytes, from, to, isAscii)
    let hash = length
    for (let i = from; i < to; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0
    const slot = (hash ^ (hash >>> 15)) & (ENTRIES - 1)
    const cached = this.#entries[slot]
    if (++this.#lookups === TRIAL_LOOKUPS) this.#review()
    if (cached !== undefined && isSame(cached, bytes, from, length)) {
      this.#hits++
      return cached
    }
    const text = decode(bytes, from, to, isAscii)
    // Only text with one character per byte can be compared with bytes.
    if (text.length === length) this.#entries[slot] = text
    return text
  }

  #review(): void {
    if (this.#hits * 4 < this.#lookups) this.#isOn = false
    this.#lookups = 0
    this.#hits = 0
  }
}

function isSame(text: string, bytes: Buffer, from: number, length: number): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false
  return true
}

function decode(bytes: Buffer, from: number, to: number, isAscii: boolean): string {
  return isAscii ? bytes.toString('latin1', from, to) : bytes.toString('utf8', from, to)
}
