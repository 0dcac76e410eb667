import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiveView } from '../../src/progress/live-view.ts'
import { MemoryOutput } from '../fake-environment.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: they steer a terminal
const TOKENS = /\u001b\[[?\d]*[A-Za-z]|\n|\r|[^\u001b\n\r]+/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const CURSOR_UP = /^\u001b\[\d+A$/

/** Just enough of a terminal to see what stands on it: lines, cursor up, clearing. */
function screenOf(text: string): string[] {
  const rows: string[] = ['']
  let row = 0
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === '\n') {
      row += 1
      rows[row] ??= ''
    } else if (CURSOR_UP.test(token)) row -= Number(token.slice(2, -1))
    else if (token === '\u001b[J') rows.length = row + 1
    else if (!token.startsWith('\u001b') && token !== '\r') rows[row] = token
    if (token === '\u001b[J') rows[row] = ''
  }
  return rows
}

test('a drawing replaces the one before, shorter or longer', () => {
  const output = new MemoryOutput(true)
  const view = new LiveView(output)
  view.draw(['one', 'two', 'three'])
  view.draw(['1', '2'])
  assert.deepEqual(screenOf(output.text), ['1', '2', ''])
  view.draw(['a', 'b', 'c', 'd'])
  assert.deepEqual(screenOf(output.text), ['a', 'b', 'c', 'd', ''])
})

test('printed lines stay above', () => {
  const output = new MemoryOutput(true)
  const view = new LiveView(output)
  view.draw(['bar'])
  view.print(['said'])
  view.draw(['bar 2'])
  assert.deepEqual(screenOf(output.text), ['said', 'bar 2', ''])
})

test('others may write in between', () => {
  const output = new MemoryOutput(true)
  const view = new LiveView(output)
  view.draw(['bar'])
  const drawn = view.erase()
  output.write('other\n')
  view.draw(drawn)
  assert.deepEqual(screenOf(output.text), ['other', 'bar', ''])
})

test('each drawing is one write, and the cursor comes back at the end', () => {
  const output = new MemoryOutput(true)
  const view = new LiveView(output)
  view.draw(['a', 'b'])
  assert.ok(output.text.startsWith('\u001b[?2026h\u001b[?25l'))
  view.close()
  assert.ok(output.text.endsWith('\u001b[?25h'))
})
