/** The functions of a combination on cells (`AggregateInCells`), as text: the lines of its parts, on variables instead of an array. */
import type { KnownAggregate } from './known-aggregates.ts'
import type { PartCode } from './part-code.ts'

/** Whether all accumulators can be numbers; those of others never are. */
export function canBeCells(parts: readonly (KnownAggregate | undefined)[]): boolean {
  return parts.every((known) => known !== undefined && NUMBERS.has(known.kind))
}

const NUMBERS: ReadonlySet<KnownAggregate['kind']> = new Set(['count', 'sum', 'min', 'max'])

/**
 * A property for the object of functions. `codeOf` gives the code of a part whose accumulator is a variable; `asked` is
 * what stands before all of them.
 *
 * Accumulators are taken out and go back together, when all of them are numbers still.
 */
export function cellsCode(width: number, asked: string, codeOf: (index: number, slot: string) => PartCode): string {
  const slots = Array.from({ length: width }, (_, index) => `v${index}`)
  const codes = slots.map((slot, index) => codeOf(index, slot))
  const isOther = slots.map((slot) => `typeof ${slot} !== 'number'`)
  return `  inCells: {
    width: ${width},
    add(cells, at, record, timestamp) {
      let ${slots.map((slot, index) => `${slot} = cells[at + ${index}]`).join(', ')}
${asked}
${codes.map(({ add }) => add).join('\n')}
      if (${isOther.join(' || ')}) return [${slots.join(', ')}]
${slots.map((slot, index) => `      cells[at + ${index}] = ${slot}`).join('\n')}
      return undefined
    },
    result(cells, at) {
      const ${slots.map((slot, index) => `${slot} = asSmallInteger(cells[at + ${index}])`).join(', ')}
      return {
${codes.map(({ property, result }) => `        ${property}: ${result},`).join('\n')}
      }
    },
  },`
}
