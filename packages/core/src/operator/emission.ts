/** Where a process function's records go: the main output, and side outputs by their declared names. */
import { MillraceError, type ProcessSpec } from '@millrace/api'
import type { OperatorHost, OperatorOutput } from './operator.ts'

type DeclaredOutputs = Pick<ProcessSpec['fn'], 'emits' | 'sideOutputs'>

export class Emission {
  /** Event time of what is emitted, epoch ms. */
  timestamp = Number.NEGATIVE_INFINITY
  readonly #main: OperatorOutput
  readonly #sides = new Map<string, OperatorOutput>()
  /** All outputs, for `isBlocked`. */
  readonly #all: readonly OperatorOutput[]

  /** `emits` and `sideOutputs` as the function declares them. */
  constructor(host: OperatorHost, { emits, sideOutputs }: DeclaredOutputs) {
    this.#main = emits === undefined ? new UndeclaredOutput(host.output) : host.output
    for (const name of Object.keys(sideOutputs ?? {})) this.#sides.set(name, host.sideOutput(name))
    this.#all = [this.#main, ...this.#sides.values()]
  }

  readonly emit = (record: unknown): void => {
    this.#main.emit(record, this.timestamp)
  }

  readonly emitTo = (name: string, record: unknown): void => {
    const output = this.#sides.get(name)
    if (output === undefined) {
      const known = [...this.#sides.keys()].map((side) => `"${side}"`).join(', ')
      throw new MillraceError('OPTION_UNKNOWN', `There is no side output "${name}".`, {
        hint: known === '' ? 'Declare it in sideOutputs.' : `Declared in sideOutputs: ${known}.`,
      })
    }
    output.emit(record, this.timestamp)
  }

  /** Where there are no side outputs. */
  get onlyOutput(): OperatorOutput | undefined {
    return this.#all.length === 1 ? this.#main : undefined
  }

  /** Whether an output has no room: then no further user call may begin. */
  readonly isBlocked = (): boolean => {
    for (const output of this.#all) if (output.isFull) return true
    return false
  }
}

/** The main output of a function without `emits`, whose records would have no type downstream. */
class UndeclaredOutput implements OperatorOutput {
  readonly #output: OperatorOutput

  constructor(output: OperatorOutput) {
    this.#output = output
  }

  emit(): void {
    throw new MillraceError('OPTION_UNKNOWN', 'A record was emitted, but the function declares none.', {
      hint: 'Declare what it emits: emits: type<Row>().',
    })
  }

  get isFull(): boolean {
    return this.#output.isFull
  }
}
