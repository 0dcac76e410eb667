/**
 * A sink that keeps nothing but a digest: how many records there were, and the sum of a whole number made of each. It is
 * told in two counters, so that the process that runs the job can read it when the job has ended.
 */
import type { Sink } from '@millrace/api'

export const DIGEST_RECORDS = 'digest-records'
export const DIGEST_SUM = 'digest-sum'

/** `numberOf` gives whole numbers so small that their sum stays exact. */
export function digestSink<T>(numberOf: (record: T) => number): Sink<T> {
  return {
    kind: 'digest',
    options: {},
    guarantee: 'at-least-once',
    async openWriter({ count }) {
      return {
        write(records) {
          let sum = 0
          for (let i = 0; i < records.length; i++) sum += numberOf(records[i] as T)
          count(DIGEST_RECORDS, records.length)
          count(DIGEST_SUM, sum)
        },
        prepare: async () => ({ states: [], committables: [] }),
        close: async () => {},
      }
    },
  }
}
