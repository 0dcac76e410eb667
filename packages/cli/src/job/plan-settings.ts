/** The settings of the command line that shape the plan: parallelism and configuration values. */
import { MillraceError } from '@millrace/api'

const PARALLELISM_MAX = 32_768

/** `-D key=value`; of two values for one key the later counts. Throws `USAGE` for one without `=`. */
export function parseConfiguration(definitions: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    definitions.map((definition) => {
      const at = definition.indexOf('=')
      const key = definition.slice(0, Math.max(0, at)).trim()
      if (key === '') {
        throw new MillraceError('USAGE', `-D ${definition} is not written key=value.`, {
          hint: "For example: -D 'execution.checkpointing.interval=10 s'",
        })
      }
      return [key, definition.slice(at + 1).trim()]
    }),
  )
}

/** Throws `USAGE`. `option` is what the user wrote it behind. */
export function parseParallelism(option: string, text: string): number {
  const parallelism = Number(text)
  if (/^\d+$/.test(text) && parallelism >= 1 && parallelism <= PARALLELISM_MAX) return parallelism
  throw new MillraceError('USAGE', `${option} ${text} is no whole number from 1 to ${PARALLELISM_MAX}.`)
}
