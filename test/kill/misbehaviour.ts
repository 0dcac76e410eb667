/** User code that does wrong on purpose: once per marker file, or always. */
import { existsSync, writeFileSync } from 'node:fs'
import type { Item } from './items.ts'

export interface Misbehaviour {
  readonly kind: 'throw' | 'exit' | 'uncaught' | 'reject' | 'hoard' | 'loop'
  /** Event time of the record at which it happens. */
  readonly at: number
  /** A file that is there once it happened; `null`: it happens again after every restart. */
  readonly marker: string | null
}

/** A function that does nothing until the record comes. */
export function createMisbehaviour(misbehaviour: Misbehaviour | null): (item: Item) => void {
  if (misbehaviour === null) return () => {}
  const { kind, at, marker } = misbehaviour
  return (item) => {
    if (item.at !== at) return
    if (marker !== null) {
      if (existsSync(marker)) return
      writeFileSync(marker, kind)
    }
    MISDEEDS[kind]()
  }
}

const MISDEEDS: Readonly<Record<Misbehaviour['kind'], () => void>> = {
  throw: () => {
    throw new RangeError('a fault of the job on purpose')
  },
  exit: () => {
    process.exit(3)
  },
  uncaught: () => {
    setImmediate(() => {
      throw new Error('an uncaught fault on purpose')
    })
  },
  reject: () => {
    void Promise.reject(new Error('a promise that nobody waits for'))
  },
  hoard: () => {
    const hoarded: number[][] = []
    for (;;) hoarded.push(Array.from({ length: 1_000 }, (_, index) => index + 0.5))
  },
  loop: () => {
    for (;;) Math.sqrt(2)
  },
}
