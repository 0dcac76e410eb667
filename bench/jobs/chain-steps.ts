/** The records and functions of the chain, shared by the job and the hand-written loop. */

export interface Order {
  readonly id: number
  readonly amount: number
  readonly kind: number
}

export interface Priced {
  readonly id: number
  readonly price: number
  readonly kind: number
}

export interface Taxed {
  readonly id: number
  readonly total: number
}

export function orderAt(index: number): Order {
  return { id: index, amount: (index * 7_919) % 1_000, kind: index % 5 }
}

export const isWanted = (order: Order): boolean => order.kind !== 3
export const price = (order: Order): Priced => ({ id: order.id, price: order.amount * 3 + 1, kind: order.kind })
export const isDear = (priced: Priced): boolean => priced.price > 200
export const tax = (priced: Priced): Taxed => ({ id: priced.id, total: priced.price + (priced.price >> 3) })
export const numberOfTaxed = ({ id, total }: Taxed): number => (id + total) % 1_000
