/** Pieces of Markdown that all parts of the page share. */
import type { Measurement } from './measurement.ts'

const FAILURE_CHARACTERS_MAX = 200

/** The first column is text, the others are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), `|${head.map((_, index) => (index === 0 ? '---|' : '--:|')).join('')}`, ...rows.map(line)].join(
    '\n',
  )
}

/** On what it was measured. */
export function provenance({ about, dateLast }: Pick<Measurement, 'about' | 'dateLast'>): string {
  const { commit, date, node, cores, processor, memoryBytes, loadAverage, versions = {} } = about
  const changes = commit?.endsWith('+') ? ' with changes that are not committed' : ''
  const of = commit === null ? 'no commit known' : `commit ${commit.replace('+', '')}${changes}`
  const dates = dateLast === date ? date : `${date} to ${dateLast}`
  const others = Object.entries(versions).map(([name, version]) => `, ${name} ${version}`)
  const load = loadAverage === undefined ? '' : `, load up to ${loadAverage.toFixed(1)} before a part began`
  const machine = `${cores} cores (${processor}), ${(memoryBytes / 1e9).toFixed(0)} GB${load}`
  return `Measured ${dates}, ${of}; Node ${node}${others.join('')}, ${machine}.`
}

/** `5 M`, `100 k`, `3600`. */
export function count(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toFixed(2))} M`
  return value >= 1e4 || value === 1e3 ? `${Number((value / 1e3).toFixed(1))} k` : `${Math.round(value)}`
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

export function verdict(isReached: boolean): string {
  return emphasised(isReached ? 'reached' : 'NOT reached')
}

/** One line of a message, so that it fits into a table or a list. */
export function failureText(message: string): string {
  return message.replaceAll(/\s+/g, ' ').replaceAll('|', '¦').trim().slice(0, FAILURE_CHARACTERS_MAX)
}

/** What is not reached is to be seen. */
export function emphasised(text: string): string {
  return text.replace('NOT reached', '**NOT reached**')
}
