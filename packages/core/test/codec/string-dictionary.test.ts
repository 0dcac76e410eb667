import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteReader } from '../../src/codec/byte-reader.ts'
import {
  DICTIONARY_ENTRIES_MAX,
  DictionaryTrial,
  ReceivedDictionaries,
  SentDictionaries,
  type SentDictionary,
  UNLISTED,
} from '../../src/codec/string-dictionary.ts'

const WINDOW = 4_096

function open(dictionaries: SentDictionaries): SentDictionary {
  const dictionary = dictionaries.open()
  assert.ok(dictionary)
  return dictionary
}

test('what was added to a message that was not sent is out again', () => {
  const dictionaries = new SentDictionaries(1_000_000)
  const dictionary = open(dictionaries)
  dictionaries.beginMessage()
  assert.equal(dictionary.add('a'), 0)
  dictionaries.onSent()
  const { bytes } = dictionaries
  dictionaries.beginMessage()
  assert.equal(dictionary.add('b'), 1)
  dictionaries.beginMessage()
  assert.deepEqual(dictionary.texts, ['a'])
  assert.equal(dictionary.numbers.get('b'), undefined)
  assert.equal(dictionaries.bytes, bytes)
  assert.equal(dictionary.add('c'), 1)
  dictionaries.onSent()
  dictionaries.takeBack()
  assert.deepEqual(dictionary.texts, ['a', 'c'])
})

test('the budget holds for all dictionaries of a channel together', () => {
  const dictionaries = new SentDictionaries(1_000)
  const [a, b] = [open(dictionaries), open(dictionaries)]
  let added = 0
  for (let i = 0; i < 50; i++) if ((i % 2 === 0 ? a : b).add(`text ${i}`) !== UNLISTED) added++
  assert.ok(added > 5 && added < 20, `${added}`)
  assert.ok(dictionaries.bytes <= 1_000)
  dictionaries.drop(a)
  dictionaries.drop(b)
  assert.equal(dictionaries.bytes, 0)
})

test('long strings stay out, and a dictionary is never larger than its numbers', () => {
  const dictionaries = new SentDictionaries(1_000_000_000)
  const dictionary = open(dictionaries)
  assert.equal(dictionary.add('x'.repeat(513)), UNLISTED)
  for (let i = 0; i < DICTIONARY_ENTRIES_MAX; i++) assert.equal(dictionary.add(`${i}`), i)
  assert.equal(dictionary.add('one more'), UNLISTED)
})

test('an id is given again only when the receiver was told, by a message that was sent', () => {
  const dictionaries = new SentDictionaries(1_000_000)
  const first = open(dictionaries)
  for (let i = 1; i < 64; i++) open(dictionaries)
  assert.equal(dictionaries.open(), undefined)
  dictionaries.drop(first)
  assert.equal(dictionaries.open(), undefined)
  assert.deepEqual(dictionaries.beginMessage(), [first.id])
  assert.equal(dictionaries.open(), undefined)
  assert.deepEqual(dictionaries.beginMessage(), [first.id])
  dictionaries.onSent()
  assert.equal(dictionaries.open()?.id, first.id)
  assert.deepEqual(dictionaries.beginMessage(), [])
})

test('what is dropped while a message is made is told by the next one', () => {
  const dictionaries = new SentDictionaries(1_000_000)
  const dictionary = open(dictionaries)
  assert.deepEqual(dictionaries.beginMessage(), [])
  dictionary.add('a')
  dictionaries.drop(dictionary)
  dictionaries.onSent()
  assert.deepEqual(dictionaries.beginMessage(), [dictionary.id])
})

test('a place whose strings are all different is tried for an ever smaller part of them', () => {
  const dictionaries = new SentDictionaries(100_000_000)
  const trial = new DictionaryTrial()
  let tried = 0
  const strings = 2_000 * WINDOW
  for (let i = 0; i < strings; i += 512) {
    const dictionary = trial.dictionaryFor(512, dictionaries)
    if (dictionary === undefined) continue
    tried += 512
    dictionary.add(`${i}`)
    trial.onEncoded(512, 0, dictionaries)
    dictionaries.beginMessage()
    dictionaries.onSent()
  }
  assert.ok(tried >= 5 * WINDOW && tried <= 9 * WINDOW, `${tried / WINDOW} windows`)
  assert.equal(dictionaries.bytes, 0)
})

test('a place keeps its dictionary while half of its strings are known, and has time to learn them', () => {
  const dictionaries = new SentDictionaries(1_000_000)
  const trial = new DictionaryTrial()
  const window = (share: number): SentDictionary | undefined => {
    const dictionary = trial.dictionaryFor(WINDOW, dictionaries)
    if (dictionary !== undefined) trial.onEncoded(WINDOW, WINDOW * share, dictionaries)
    return dictionary
  }
  const shares = [0.1, 0.2, 0.4, 0.5, 0.9, 0.5]
  const used = shares.map(window)
  assert.ok(used[0] !== undefined && used.every((dictionary) => dictionary === used[0]))
  assert.equal(window(0.49), used[0])
  assert.equal(window(1), undefined)
})

test('the receiver refuses what does not fit to what it has', () => {
  const reader = new ByteReader(new Uint8Array(8))
  const received = new ReceivedDictionaries()
  const damaged = { code: 'BYTES_DAMAGED' }
  assert.throws(() => received.textsOf(3, 1, reader), damaged)
  received.textsOf(3, 0, reader).push('a', 'b')
  assert.deepEqual(received.textsOf(3, 2, reader), ['a', 'b'])
  assert.throws(() => received.textsOf(3, 0, reader), damaged)
  assert.throws(() => received.textsOf(64, 0, reader), damaged)
  assert.throws(() => received.drop(64, reader), damaged)
  received.drop(3, reader)
  assert.deepEqual(received.textsOf(3, 0, reader), [])
})
