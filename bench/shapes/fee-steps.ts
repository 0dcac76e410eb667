/** The functions of chain and exchange, of the job and of the hand-written loop alike. */
import type { Bid } from '../nexmark/generator/nexmark-event.ts'
import type { Fee } from './shape-rows.ts'

interface Converted {
  readonly auction: number
  readonly bidder: number
  readonly cents: number
  readonly dateTime: number
}

export const isWanted = ({ price }: Bid): boolean => price >= 1_000

export const convert = ({ auction, bidder, price, dateTime }: Bid): Converted => ({
  auction,
  bidder,
  cents: Math.floor((price * 908) / 1_000),
  dateTime,
})

export const charge = ({ auction, bidder, cents, dateTime }: Converted): Fee => ({
  auction,
  bidder,
  fee: Math.floor(cents / 50),
  dateTime,
})
