/** Entries of state as lines of text and as JSON. Pure. */
import { valueToJson } from '@millrace/core'
import { isExpired, type SavedEntry } from '@millrace/runtime'
import { asOneLine, cutText } from '../text/fit-text.ts'
import { formatInstant } from '../text/format-quantity.ts'

const VALUE_COLUMNS_MAX = 160

/** `count/_aggregate  [7]  "Rome"  {"n":3}`: operator and state, key group, key, inner key or time, value. */
export function renderEntry(entry: SavedEntry, nowMs: number): string {
  const { operatorUid, state, keyGroup, key, sub, value } = entry
  const inner =
    state.kind === 'namespaced' ? `  ${formatInstant(sub as number)}` : state.kind === 'map' ? `  ${short(sub)}` : ''
  const written = entry.writtenAtMs === undefined ? '' : `  written ${formatInstant(entry.writtenAtMs)}`
  const expired = isExpired(entry, nowMs) ? ', expired' : ''
  return `${asOneLine(`${operatorUid}/${state.name}`)}  [${keyGroup}]  ${short(key)}${inner}  ${short(value)}${written}${expired}`
}

/** All of an entry; for timers and windows `time` is epoch ms. */
export function entryToJson({
  operatorUid,
  state,
  keyGroup,
  key,
  sub,
  value,
  writtenAtMs,
  elementTimesMs,
}: SavedEntry): object {
  return {
    operator: operatorUid,
    state: state.name,
    keyGroup,
    key: valueToJson(key),
    ...(state.kind === 'map' ? { mapKey: valueToJson(sub) } : {}),
    ...(state.kind === 'namespaced' ? { time: sub } : {}),
    value: valueToJson(value),
    ...(writtenAtMs === undefined ? {} : { writtenAtMs }),
    ...(elementTimesMs === undefined ? {} : { elementTimesMs }),
  }
}

/** A value on a line, cut where it is long. */
export function short(value: unknown): string {
  return cutText(asOneLine(JSON.stringify(valueToJson(value))), VALUE_COLUMNS_MAX)
}
