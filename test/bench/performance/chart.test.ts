import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Chart, COLOURS, drawChart, INK, type Panel } from '../../../bench/performance/chart.ts'

const SIDES = ['millrace', 'loop-typed', 'rxjs', 'flink', 'flink-sql', 'jet', 'a side with a long name']

describe('a picture of a curve', () => {
  const panelOf = (title: string, xs: readonly number[]): Panel => ({
    title,
    series: SIDES.map((name, side) => ({
      name,
      points: xs.map((x, place) => ({ x, y: 30 * (side + 1) * 3 ** place })),
    })),
  })
  const chart: Chart = {
    title: 'CPU for a record: <keys & "windows">',
    xLabel: 'windows of a record (size ÷ slide)',
    yLabel: 'CPU for a record',
    panels: [
      panelOf('first', [1, 10, 60, 360, 3_600]),
      // So close that not all have room for their labels.
      panelOf('second', [1_000_000, 1_000_001, 1_000_002, 9_000_000]),
      panelOf('third', [4]),
    ],
  }
  const svg = drawChart(chart, String, (ns) => `${ns} ns`)

  it('has no text that overlaps another, and none outside', () => {
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)?.map(Number) ?? []
    const boxes = boxesOf(svg)
    assert.ok(boxes.length > 30)
    for (const [index, box] of boxes.entries()) {
      assert.ok(box.left >= 0 && box.top >= 0 && box.right <= (width ?? 0) && box.bottom <= (height ?? 0), box.words)
      for (const other of boxes.slice(index + 1)) {
        const isApart =
          box.right <= other.left || other.right <= box.left || box.bottom <= other.top || other.bottom <= box.top
        assert.ok(isApart, `${box.words} over ${other.words}`)
      }
    }
  })

  it('names its axes in every panel, and each side once', () => {
    const words = boxesOf(svg).map((box) => box.words)
    const times = (text: string) => words.filter((one) => one === text).length
    assert.deepEqual([times(chart.xLabel), times(chart.yLabel), times('100 ns')], [3, 3, 3])
    for (const side of SIDES) assert.equal(times(side), 1)
    assert.ok(svg.includes('CPU for a record: &lt;keys &amp; "windows"&gt;'))
  })

  it('shows every point, higher where it costs more', () => {
    const circles = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)])
    assert.equal(circles.length, SIDES.length * (5 + 4 + 1))
    const [first, second] = circles as [[number, number], [number, number]]
    assert.ok(second[0] > first[0] && second[1] < first[1])
    assert.ok(!svg.includes('NaN') && !svg.includes('Infinity'))
  })

  it('is not wider than its points need', () => {
    const one = {
      ...chart,
      panels: [{ title: 'p', series: [{ name: 's', points: [300, 900].map((y) => ({ x: y, y })) }] }],
    }
    const labels = boxesOf(drawChart(one, String, (ns) => `${ns} ns`)).map((box) => box.words)
    assert.deepEqual(
      labels.filter((words) => words.endsWith(' ns')),
      ['200 ns', '500 ns', '1000 ns'],
    )
  })

  it('is read on light and on dark grounds', () => {
    assert.equal(new Set(COLOURS).size, SIDES.length)
    for (const colour of [INK, ...COLOURS]) {
      for (const ground of ['#ffffff', '#0d1117']) {
        const ratio = contrast(colour, ground)
        assert.ok(ratio >= 3, `${colour} on ${ground}: ${ratio.toFixed(2)}`)
      }
    }
  })
})

interface Box {
  readonly words: string
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** Of texts of 12 px, a character 7 px wide. */
function boxesOf(svg: string): readonly Box[] {
  return [...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)"([^>]*)>([^<]*)</g)].map(
    ([, atX, atY, anchor, more, escaped = '']) => {
      const words = escaped.replaceAll(/&\w+;/g, '&')
      const [x, y, length] = [Number(atX), Number(atY), words.length * 7]
      const start = anchor === 'start' ? 0 : anchor === 'end' ? -length : -length / 2
      const isTurned = more?.includes('rotate(-90') === true
      return isTurned
        ? { words, left: x - 10, right: x + 3, top: y - length / 2, bottom: y + length / 2 }
        : { words, left: x + start, right: x + start + length, top: y - 10, bottom: y + 3 }
    },
  )
}

/** As WCAG defines it. */
function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
