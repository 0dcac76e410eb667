/** A clock that all threads of a process share, in ms and finer; it starts anywhere and never steps. */
import process from 'node:process'

export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1e6
}
