/** Where the value of a property stands in the text of a JSON object. Used on the way to an error, not for reading. */

const STRING = String.raw`"(?:[^"\\]|\\.)*"`
/** Space, a string, a bracket or another mark, or a number or word: what a text that is JSON is made of. */
const TOKEN = new RegExp(String.raw`\s+|${STRING}|[{}[\],:]|[^\s"{}[\],:]+`, 'gy')

/**
 * Index of the value of property `name` of the outermost object, of the last one where there are several: that is the
 * one that `JSON.parse` keeps. `undefined` when there is none. `text` must be JSON.
 */
export function findJsonValue(text: string, name: string): number | undefined {
  let depth = 0
  let key: string | undefined
  let isValueNext = false
  let found: number | undefined
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (/^\s/.test(token)) continue
    if (isValueNext) {
      isValueNext = false
      if (key === name) found = index
    }
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    else if (depth === 1 && token === ':') isValueNext = true
    else if (depth === 1 && token.startsWith('"')) key = JSON.parse(token) as string
  }
  return found
}
