/**
 * Dictionaries of a channel: strings that come again are sent once and then by number, over all messages of the channel.
 * A dictionary belongs to one place of the records, such as a property, has a number in its channel, and only grows until
 * it is dropped as a whole. The receiver makes each string once and shares it among the records.
 *
 * Invariant: at the beginning of every message that is sent, the receiver's dictionaries hold what the sender counts as
 * sent. Messages of a channel arrive in order, and one that was encoded and not sent is taken back (`takeBack`). A new
 * attempt begins with new channels, so with nothing on either side.
 *
 * Whether a place has a dictionary is decided from how many of its strings were known. While strings are all different, trying
 * costs about as much as copying them, so it is done for ever smaller a part of them.
 */
import type { ByteReader } from './byte-reader.ts'

/** Numbers of entries have two bytes; the highest one stands for a string that is not in the dictionary. */
export const DICTIONARY_ENTRIES_MAX = 0xffff
/** Instead of a number: the string is not in the dictionary. */
export const UNLISTED = -1
const DICTIONARIES_MAX = 64
/** Longer strings stay out: they seldom come again, and would fill the budget. */
export const ENTRY_UNITS_MAX = 512
/** An entry beside its units: two for each, the string's header, its places in a map and an array. */
const ENTRY_OVERHEAD_BYTES = 64

/** After so many strings it is asked how many of them were known. */
const WINDOW_STRINGS = 4_096
/** Below this share of known strings copying them is cheaper. */
const KNOWN_SHARE_MIN = 0.5
/** The same while the dictionary is still growing: strings that are all different are given up at once. */
const LEARNING_SHARE_MIN = 1 / 16
const LEARNING_WINDOWS = 4
/** So many strings of a place go without, before it is tried again; twice as many after each time in vain. */
const PAUSE_STRINGS_MIN = 16 * WINDOW_STRINGS
const PAUSE_STRINGS_MAX = 1_024 * WINDOW_STRINGS

/** The sender's side of one dictionary. */
export class SentDictionary {
  readonly id: number
  readonly numbers = new Map<string, number>()
  readonly texts: string[] = []
  readonly #owner: SentDictionaries
  /** Entries that the receiver has. */
  sentCount = 0
  bytes = 0

  constructor(id: number, owner: SentDictionaries) {
    this.id = id
    this.#owner = owner
  }

  /** The number of a string that is not in yet, or `UNLISTED` when it may not be added. */
  add(text: string): number {
    const number = this.texts.length
    if (number === DICTIONARY_ENTRIES_MAX || text.length > ENTRY_UNITS_MAX) return UNLISTED
    if (!this.#owner.take(this, bytesOf(text))) return UNLISTED
    this.texts.push(text)
    this.numbers.set(text, number)
    return number
  }
}

/** The sender's dictionaries of one channel. */
export class SentDictionaries {
  readonly #bytesMax: number
  #bytes = 0
  readonly #isUsed: boolean[] = []
  /** Dictionaries that the message at hand added to. */
  readonly #grown = new Set<SentDictionary>()
  /** Numbers of dictionaries that the receiver is to forget, and how many of them the message at hand names. */
  #dropped: number[] = []
  #namedCount = 0

  /** @param bytesMax what all of them may take together, estimated */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Estimated bytes of all entries; the receiver has at most as many. */
  get bytes(): number {
    return this.#bytes
  }

  open(): SentDictionary | undefined {
    for (let id = 0; id < DICTIONARIES_MAX; id++) {
      if (this.#isUsed[id] === true) continue
      this.#isUsed[id] = true
      return new SentDictionary(id, this)
    }
    return undefined
  }

  take(dictionary: SentDictionary, bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false
    this.#bytes += bytes
    dictionary.bytes += bytes
    this.#grown.add(dictionary)
    return true
  }

  /** Its number is free for another when the receiver has been told. */
  drop(dictionary: SentDictionary): void {
    this.#bytes -= dictionary.bytes
    this.#grown.delete(dictionary)
    this.#dropped.push(dictionary.id)
  }

  /** Begins a message, and gives the dictionaries that it has to tell the receiver to forget. */
  beginMessage(): readonly number[] {
    this.takeBack()
    this.#namedCount = this.#dropped.length
    return this.#dropped
  }

  /** The message that was begun last is on its way. */
  onSent(): void {
    for (const dictionary of this.#grown) dictionary.sentCount = dictionary.texts.length
    this.#grown.clear()
    for (const id of this.#dropped.splice(0, this.#namedCount)) this.#isUsed[id] = false
    this.#namedCount = 0
  }

  /** What messages have added that were not sent is out again. */
  takeBack(): void {
    for (const dictionary of this.#grown) {
      for (const text of dictionary.texts.splice(dictionary.sentCount)) {
        dictionary.numbers.delete(text)
        dictionary.bytes -= bytesOf(text)
        this.#bytes -= bytesOf(text)
      }
    }
    this.#grown.clear()
    this.#namedCount = 0
  }
}

/** Decides for one place of the records whether its strings go by a dictionary. */
export class DictionaryTrial {
  #dictionary: SentDictionary | undefined
  #pauseStrings = PAUSE_STRINGS_MIN
  #pauseLeft = 0
  #windowStrings = 0
  #windowKnown = 0
  #windows = 0

  /** The dictionary for the next `count` strings, or `undefined` when they go without. */
  dictionaryFor(count: number, dictionaries: SentDictionaries): SentDictionary | undefined {
    if (this.#pauseLeft > 0) {
      this.#pauseLeft -= count
      return undefined
    }
    if (this.#dictionary === undefined) {
      this.#dictionary = dictionaries.open()
      if (this.#dictionary === undefined) this.#pause()
    }
    return this.#dictionary
  }

  /** So many of the strings were known when they came. */
  onEncoded(count: number, knownCount: number, dictionaries: SentDictionaries): void {
    this.#windowStrings += count
    this.#windowKnown += knownCount
    if (this.#windowStrings < WINDOW_STRINGS) return
    const share = this.#windowKnown / this.#windowStrings
    this.#windowStrings = 0
    this.#windowKnown = 0
    this.#windows++
    if (share >= KNOWN_SHARE_MIN) {
      this.#pauseStrings = PAUSE_STRINGS_MIN
      return
    }
    if (this.#windows < LEARNING_WINDOWS && share >= LEARNING_SHARE_MIN) return
    this.release(dictionaries)
    this.#pause()
  }

  release(dictionaries: SentDictionaries): void {
    if (this.#dictionary !== undefined) dictionaries.drop(this.#dictionary)
    this.#dictionary = undefined
    this.#windows = 0
    this.#windowStrings = 0
    this.#windowKnown = 0
  }

  #pause(): void {
    this.#pauseLeft = this.#pauseStrings
    this.#pauseStrings = Math.min(2 * this.#pauseStrings, PAUSE_STRINGS_MAX)
  }
}

/** The receiver's dictionaries of one channel. What comes in is untrusted. */
export class ReceivedDictionaries {
  readonly #texts: (string[] | undefined)[] = []

  drop(id: number, reader: ByteReader): void {
    if (id >= DICTIONARIES_MAX) reader.damaged(`unknown dictionary ${id}`)
    this.#texts[id] = undefined
  }

  /** The entries of a dictionary, to be read and added to; there must be as many as the sender says. */
  textsOf(id: number, entryCount: number, reader: ByteReader): string[] {
    if (id >= DICTIONARIES_MAX) reader.damaged(`unknown dictionary ${id}`)
    const texts = this.#texts[id] ?? []
    if (texts.length !== entryCount) reader.damaged(`a dictionary has ${texts.length} entries, not ${entryCount}`)
    this.#texts[id] = texts
    return texts
  }
}

function bytesOf(text: string): number {
  return ENTRY_OVERHEAD_BYTES + 2 * text.length
}
