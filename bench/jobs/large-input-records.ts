/** Records with a payload of text, shared by the job and the plain loop that it must equal. */
import { mixInteger, mixString, ROW_START } from '../digest/row-digest.ts'

export const PAYLOAD_UNITS = 1_000
export const KEYS = 1_000

const TEXT_UNITS = 1 << 20
const text = makeText()

export interface Message {
  readonly key: string
  readonly at: number
  readonly payload: string
}

export interface Volume {
  readonly key: string
  readonly end: number
  readonly messages: number
  readonly units: number
}

/** Every record has its own piece of the text. */
export function messageAt(index: number): Message {
  const from = (index * 7_919) % (TEXT_UNITS - PAYLOAD_UNITS)
  return { key: `key-${(index * 31) % KEYS}`, at: index >> 5, payload: text.slice(from, from + PAYLOAD_UNITS) }
}

export const WINDOW_MS = 10_000
/** The payload's content takes part, so that a changed unit is found. */
export const unitsOf = ({ payload }: Message): number => payload.charCodeAt(0) + payload.charCodeAt(PAYLOAD_UNITS - 1)

export function mixVolume({ key, end, messages, units }: Volume): number {
  return mixInteger(mixInteger(mixInteger(mixString(ROW_START, key), end), messages), units)
}

function makeText(): string {
  let seed = 1
  let made = ''
  while (made.length < TEXT_UNITS) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff
    made += String.fromCharCode(97 + ((seed >> 16) % 26))
  }
  return made
}
