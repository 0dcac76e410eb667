/**
 * Draws a curve as SVG: panels side by side, a line for each side, both axes logarithmic. Transparent, in tones that are read on
 * white and on black. No text overlaps another: a label that would is left out, and the legend breaks its lines. Labels of the
 * vertical axis have room for 8 characters.
 */

export interface Chart {
  readonly title: string
  /** What goes along the horizontal axis, with its unit. */
  readonly xLabel: string
  readonly yLabel: string
  readonly panels: readonly Panel[]
}

export interface Panel {
  readonly title: string
  readonly series: readonly Series[]
}

export interface Series {
  readonly name: string
  /** `x` and `y` are above 0. */
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

export type FormatValue = (value: number) => string

/** Each at least 3 : 1 against white and against the dark ground of GitHub. */
export const INK = '#768390'
export const COLOURS = ['#d9480f', '#2f81d8', '#2e9e5b', '#b35bd6', '#b08000', '#d6457f', '#00939b'] as const
const DASHES = ['', '6 3', '2 3', '8 3 2 3', '12 4', '4 2', '1 4'] as const

const FONT_PX = 12
/** Generous for sans-serif digits and small letters. */
const CHARACTER_PX = 7
const COLUMNS = 2
const PANEL = { width: 400, height: 270, left: 88, right: 20, top: 34, bottom: 48 }
const LEGEND_LINE_PX = 22
const TITLE_PX = 28
/** A range this wide has room for labels of decades only. */
const MANY_DECADES = 100

/** Lines have the same colour in all panels; the vertical axis is the same too, so that panels can be compared. */
export function drawChart(chart: Chart, formatX: FormatValue, formatY: FormatValue): string {
  const names = [...new Set(chart.panels.flatMap(({ series }) => series.map(({ name }) => name)))]
  const columns = Math.min(COLUMNS, chart.panels.length)
  const width = Math.max(columns * PANEL.width, widthOf(chart.title) + 2 * FONT_PX)
  const legend = drawLegend(names, width)
  const head = TITLE_PX + legend.lines * LEGEND_LINE_PX
  const height = head + Math.ceil(chart.panels.length / columns) * PANEL.height
  const all = chart.panels.flatMap(({ series }) => series.flatMap(({ points }) => points))
  const yRange = rangeAround(all.map(({ y }) => y))
  const panels = chart.panels.map((panel, index) => {
    const at = { left: (index % columns) * PANEL.width, top: head + Math.floor(index / columns) * PANEL.height }
    return drawPanel(panel, at, chart, yRange, names, formatX, formatY)
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="${FONT_PX}" fill="${INK}">`,
    `<title>${escapeXml(chart.title)}</title>`,
    text(FONT_PX, 20, chart.title, 'start', ' font-weight="bold"'),
    ...legend.elements,
    ...panels.flat(),
    '</svg>\n',
  ].join('\n')
}

function drawLegend(names: readonly string[], width: number): { elements: readonly string[]; lines: number } {
  const sample = 34
  const elements: string[] = []
  let left = FONT_PX
  let line = 0
  for (const [index, name] of names.entries()) {
    const needed = sample + widthOf(name) + 2 * FONT_PX
    if (left > FONT_PX && left + needed > width) {
      left = FONT_PX
      line++
    }
    const y = TITLE_PX + line * LEGEND_LINE_PX + 12
    elements.push(`<path d="M${left} ${y - 4}h26" ${strokeOf(index)}/>`, text(left + sample, y, name, 'start'))
    left += needed
  }
  return { elements, lines: line + 1 }
}

function drawPanel(
  panel: Panel,
  at: { readonly left: number; readonly top: number },
  { xLabel, yLabel }: Chart,
  yRange: readonly [number, number],
  names: readonly string[],
  formatX: FormatValue,
  formatY: FormatValue,
): readonly string[] {
  const [left, right] = [at.left + PANEL.left, at.left + PANEL.width - PANEL.right]
  const [top, bottom] = [at.top + PANEL.top, at.top + PANEL.height - PANEL.bottom]
  const xs = [...new Set(panel.series.flatMap(({ points }) => points.map(({ x }) => x)))].toSorted((a, b) => a - b)
  const xOf = scale([xs[0] ?? 1, xs.at(-1) ?? 1], [left + 8, right - 8])
  const yOf = scale(yRange, [bottom, top])
  const elements = [text((left + right) / 2, at.top + 20, panel.title, 'middle')]
  for (const y of ticksOf(yRange)) {
    const at = round(yOf(y))
    elements.push(`<path d="M${left} ${at}H${right}" stroke="${INK}" stroke-opacity="0.3"/>`)
    elements.push(text(left - 6, at + 4, formatY(y), 'end'))
  }
  let free = Number.NEGATIVE_INFINITY
  for (const x of xs) {
    const label = formatX(x)
    const at = round(xOf(x))
    elements.push(`<path d="M${at} ${bottom}v5" stroke="${INK}"/>`)
    if (at - widthOf(label) / 2 < free) continue
    elements.push(text(at, bottom + 18, label, 'middle'))
    free = at + widthOf(label) / 2 + CHARACTER_PX
  }
  elements.push(`<path d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="${INK}"/>`)
  elements.push(text((left + right) / 2, bottom + 38, xLabel, 'middle'))
  const [yLeft, yMiddle] = [at.left + 16, (top + bottom) / 2]
  elements.push(text(yLeft, yMiddle, yLabel, 'middle', ` transform="rotate(-90 ${yLeft} ${yMiddle})"`))
  for (const { name, points } of panel.series) {
    const index = names.indexOf(name)
    const places = points.toSorted((a, b) => a.x - b.x).map(({ x, y }) => [round(xOf(x)), round(yOf(y))] as const)
    if (places.length > 1) {
      elements.push(`<path d="M${places.map(([x, y]) => `${x} ${y}`).join('L')}" ${strokeOf(index)}/>`)
    }
    for (const [x, y] of places) elements.push(`<circle cx="${x}" cy="${y}" r="3" fill="${colourOf(index)}"/>`)
  }
  return elements
}

/** Logarithmic. A range of one value is in the middle. */
function scale([from, to]: readonly [number, number], [start, end]: readonly [number, number]) {
  const span = Math.log(to / from)
  return (value: number): number => start + (end - start) * (span === 0 ? 0.5 : Math.log(value / from) / span)
}

/** The closest round values around all of these. */
function rangeAround(values: readonly number[]): readonly [number, number] {
  const [min, max] = [Math.min(...values), Math.max(...values)]
  const steps = roundValues(min / 10, max * 10)
  const low = steps.findLast((step) => step <= min) ?? min
  return [low, steps.find((step) => step >= max && step > low) ?? max]
}

/** Round values; of many decades only their beginnings. */
function ticksOf([from, to]: readonly [number, number]): readonly number[] {
  const ticks = roundValues(from, to)
  return to / from > MANY_DECADES ? ticks.filter((tick) => /^1(0*$|e)|^0\.0*1$/.test(`${tick}`)) : ticks
}

/** 1, 2 and 5 times powers of ten. */
function roundValues(from: number, to: number): readonly number[] {
  const values: number[] = []
  for (let exponent = Math.floor(Math.log10(from)); 10 ** exponent <= to; exponent++) {
    for (const step of [1, 2, 5]) values.push(Number(`${step}e${exponent}`))
  }
  return values.filter((value) => value >= from && value <= to)
}

function strokeOf(index: number): string {
  const dash = DASHES[index % DASHES.length]
  return `fill="none" stroke="${colourOf(index)}" stroke-width="2"${dash ? ` stroke-dasharray="${dash}"` : ''}`
}

function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] as string
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end', more = ''): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${more}>${escapeXml(words)}</text>`
}

function widthOf(words: string): number {
  return words.length * CHARACTER_PX
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escapeXml(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
