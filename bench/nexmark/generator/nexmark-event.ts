/** The events of the Nexmark benchmark: an online auction. Times are milliseconds since the epoch, amounts are cents. */

export type NexmarkEvent = Person | Auction | Bid

export interface Person {
  readonly kind: 'person'
  readonly id: number
  readonly name: string
  readonly emailAddress: string
  readonly creditCard: string
  readonly city: string
  readonly state: string
  readonly dateTime: number
  /** Fills the event up to its average size. */
  readonly extra: string
}

export interface Auction {
  readonly kind: 'auction'
  readonly id: number
  readonly itemName: string
  readonly description: string
  readonly initialBid: number
  readonly reserve: number
  readonly dateTime: number
  readonly expires: number
  /** A person's id. */
  readonly seller: number
  /** 10 to 14. */
  readonly category: number
  readonly extra: string
}

export interface Bid {
  readonly kind: 'bid'
  /** An auction's id. */
  readonly auction: number
  /** A person's id. */
  readonly bidder: number
  readonly price: number
  readonly channel: string
  readonly url: string
  readonly dateTime: number
  readonly extra: string
}
