/**
 * A full, synchronous garbage collection of this thread. V8 gives the function only to contexts that are made after its
 * flag was set; the flag changes nothing else.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

let collect: (() => void) | undefined

export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
}
