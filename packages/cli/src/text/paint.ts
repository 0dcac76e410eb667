/** Colour, for terminals that want it. */
import { styleText } from 'node:util'

export type Tone = 'strong' | 'faint' | 'good' | 'warning' | 'bad'
/** Gives a piece of text its tone; adds no width. */
export type Paint = (tone: Tone, text: string) => string

export const plainPaint: Paint = (_, text) => text

const STYLES = { strong: 'bold', faint: 'dim', good: 'green', warning: 'yellow', bad: 'red' } as const

export const colourPaint: Paint = (tone, text) =>
  text === '' ? '' : styleText(STYLES[tone], text, { validateStream: false })

/** `NO_COLOR` (https://no-color.org) wins over everything, then `FORCE_COLOR`; else colour is for terminals. */
export function choosePaint(
  output: { readonly isTerminal: boolean },
  variables: Readonly<Record<string, string | undefined>>,
): Paint {
  if ((variables.NO_COLOR ?? '') !== '') return plainPaint
  const forced = variables.FORCE_COLOR
  if (forced !== undefined) return forced === '0' || forced === 'false' ? plainPaint : colourPaint
  return output.isTerminal && variables.TERM !== 'dumb' ? colourPaint : plainPaint
}
