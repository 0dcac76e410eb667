/** Sums numbers by key until the file that it is told of exists; then its input has ended. */
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { defineJob, fromAsyncIterable } from 'millrace'
import { jsonLinesSink } from 'millrace/files'
import { z } from 'zod'

async function* numbersUntil(file: string, position: number) {
  for (let index = position; !existsSync(file); index++) {
    yield { key: index % 5, n: 1 }
    await pause(1)
  }
}

export default defineJob({
  name: 'ending',
  params: z.object({ end: z.string(), output: z.string() }),
  build(env, { end, output }) {
    const source = fromAsyncIterable(() => numbersUntil(end, 0), {
      boundedness: 'bounded',
      resumeFrom: (position) => numbersUntil(end, position),
    })
    env
      .from(source, { uid: 'numbers' })
      .keyBy('key')
      .reduce((a, b) => ({ key: a.key, n: a.n + b.n }), { uid: 'sums' })
      .to(jsonLinesSink(output), { uid: 'out' })
  },
})
