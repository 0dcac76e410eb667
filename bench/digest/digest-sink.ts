/**
 * The sink of all benchmark jobs: keeps nothing but the digest of the rows. It is told in three counters, so that the
 * process that runs the job can read it when the job has ended (`job-run.ts`); a job that is restarted would count twice.
 */
import type { Sink } from '@millrace/api'
import { RowDigest } from './row-digest.ts'

export const DIGEST_ROWS = 'digest-rows'
export const DIGEST_SUM_A = 'digest-sum-a'
export const DIGEST_SUM_B = 'digest-sum-b'

/** `mix` makes a row's hash of its fields, with the `mix…` functions of `row-digest.ts`. */
export function digestSink<Row>(mix: (row: Row) => number): Sink<Row> {
  return {
    kind: 'digest',
    options: {},
    guarantee: 'at-least-once',
    async openWriter({ count }) {
      return {
        write(rows) {
          const digest = new RowDigest()
          for (let i = 0; i < rows.length; i++) digest.add(mix(rows[i] as Row))
          count(DIGEST_ROWS, digest.rows)
          // Signed 32-bit numbers: a sum of as many as there can be batches is exact, and its lower 32 bits are what counts.
          count(DIGEST_SUM_A, digest.sumA)
          count(DIGEST_SUM_B, digest.sumB)
        },
        prepare: async () => ({ states: [], committables: [] }),
        close: async () => {},
      }
    },
  }
}
