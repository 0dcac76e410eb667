/** Where a text stops being JSON: V8 says so for some errors only. Used on the way to an error, not for reading. */

const SPACE = /[ \t\n\r]*/y
const STRING_SOURCE = String.raw`"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"`
const STRING = new RegExp(STRING_SOURCE, 'y')
/** A string, a number or a word, whole. */
const SCALAR = new RegExp(String.raw`${STRING_SOURCE}|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null`, 'y')

/** Index of the first character of the first piece that does not fit, or the length of the text when it ends too early. */
export function findJsonError(text: string): number {
  /** The closing brackets that are awaited. */
  const open: ('}' | ']')[] = []
  let at = skip(SPACE, text, 0)
  for (;;) {
    // A value is expected at `at`.
    const character = text[at]
    if (character === '{' || character === '[') {
      const close = character === '{' ? '}' : ']'
      at = skip(SPACE, text, at + 1)
      if (text[at] !== close) {
        open.push(close)
        if (close === '}') {
          const value = passKey(text, at)
          if (value.failedAt !== undefined) return value.failedAt
          at = value.at
        }
        continue
      }
      at++
    } else {
      const end = skip(SCALAR, text, at)
      if (end === at) return at
      at = end
    }
    // A value has ended before `at`: close what it closes, up to the comma before the next value.
    for (;;) {
      at = skip(SPACE, text, at)
      const close = open.at(-1)
      if (close === undefined) return at
      if (text[at] === close) {
        open.pop()
        at++
        continue
      }
      if (text[at] !== ',') return at
      at = skip(SPACE, text, at + 1)
      if (close === '}') {
        const value = passKey(text, at)
        if (value.failedAt !== undefined) return value.failedAt
        at = value.at
      }
      break
    }
  }
}

/** Passes `"key" :` and the space around. */
function passKey(text: string, from: number): { readonly at: number; readonly failedAt?: number } {
  const end = skip(STRING, text, from)
  if (end === from) return { at: from, failedAt: from }
  const colon = skip(SPACE, text, end)
  return text[colon] === ':' ? { at: skip(SPACE, text, colon + 1) } : { at: colon, failedAt: colon }
}

function skip(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from
  return pattern.test(text) ? pattern.lastIndex : from
}
