import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { FailedRun } from '../../../bench/comparison.ts'
import type { FailedPauses, PauseRun } from '../../../bench/costs/pauses.ts'
import type { FailedLatency, LatencyLine } from '../../../bench/latency/latency-line.ts'
import { generate, MarkerError, PARTS, type PartName, PICTURES, replaceParts } from '../../../bench/performance/page.ts'
import { parseLines } from '../../../bench/performance/parse-lines.ts'
import type { RunLine } from '../../../bench/run-lines.ts'
import { ABOUT, runLine, textOf } from './run-line.ts'

function partOf(name: PartName, ...lines: readonly RunLine[]): string {
  return generate(parseLines('runs', textOf(ABOUT, ...lines))).parts.get(name) ?? ''
}

/** The cells of the rows that begin with this. */
function rowsOf(part: string, first: string): readonly (readonly string[])[] {
  const rows = part.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
  return rows.filter(([, cell]) => cell === first).map((cells) => cells.slice(1, -1))
}

describe('shapes and queries', () => {
  const round = (millrace: number, loop: number, flink: number) => [
    runLine({ peer: 'millrace', cpuSeconds: millrace, othersCores: 0.25 }),
    runLine({ peer: 'loop', cpuSeconds: loop, peakMemoryBytes: null }),
    runLine({ peer: 'flink', cpuSeconds: flink, peakMemoryBytes: 800e6 }),
  ]
  const generators = [
    runLine({ peer: 'millrace', cpuSeconds: 6, generatorOnly: true }),
    runLine({ peer: 'flink', cpuSeconds: 11, generatorOnly: true }),
  ]
  const part = partOf('comparison', ...generators, ...round(21, 11, 41), ...round(31, 21, 31), ...round(21, 11, 41))

  it('have ratios, goals and verdicts as the benchmark itself says them', () => {
    assert.deepEqual(rowsOf(part, 'chain, 5 M events'), [
      // Loops: 1 / (11 / 21), 20 / 10; and of 10 s with a range of 10 nothing is left for certain.
      [
        'chain, 5 M events',
        'loop',
        '1.91 × CPU',
        '2.00 × CPU',
        'too short to say',
        'at most 1.5 × CPU',
        '**NOT reached**',
        '',
      ],
      // Flink: 41 / 21, 40 / 20; of Millrace 15 s are left, which is no more than three times half its range.
      [
        'chain, 5 M events',
        'flink',
        '1.95 ×',
        '2.00 ×',
        'too short to say',
        'at least 1.3 ×',
        'reached',
        '0.25 ×: below',
      ],
      ['chain, 5 M events', 'millrace', '3', '21.00 ± 24 %', '1.00', '20.00', '0.24', '200', '11.0', '0.3'],
      ['chain, 5 M events', 'loop', '3', '11.00 ± 45 %', '1.00', '10.00', '0.45', '–', '11.0', '–'],
      ['chain, 5 M events', 'flink', '3', '41.00 ± 12 %', '1.00', '40.00', '0.12', '800', '11.0', '–'],
    ])
    assert.match(part, /Measured 2026-01-31, commit abc1234; Node v24.0.0, 2 cores \(Some CPU\), 8 GB/)
  })

  it('tell memory that is not below that of Flink, and a net figure that is not known', () => {
    const [row] = rowsOf(
      partOf(
        'comparison',
        runLine({ peer: 'millrace', cpuSeconds: 20, peakMemoryBytes: 800e6 }),
        runLine({ peer: 'flink', cpuSeconds: 40, peakMemoryBytes: 800e6 }),
      ),
      'chain, 5 M events',
    )
    assert.deepEqual([row?.[4], row?.[7]], ['–', '1.00 ×: **NOT below**'])
  })

  it('have no verdict when the start decides', () => {
    const part = partOf('comparison', ...round(2, 3, 9))
    assert.match(part, /too short to say, the start is up to 50 %/)
  })

  it('say what differs and what is not whole', () => {
    const lines = [...round(2, 3, 9), runLine({ peer: 'millrace', cpuSeconds: 2, digest: 'b' })]
    const part = partOf('comparison', ...lines)
    assert.match(part, /\*\*chain FAILS\*\*: loop has 1 of 2 runs/)
    assert.match(part, /\*\*chain FAILS\*\*: results differ: millrace 5 a, 5 b/)
  })

  it('show what failed, though it has no run', () => {
    const { cpuSeconds: _, ...flink } = runLine({ peer: 'flink', cpuSeconds: 1 })
    const failed = { ...flink, failure: 'no | memory\nleft' } as FailedRun
    const part = partOf('comparison', ...round(2, 3, 9).slice(0, 2), failed)
    assert.match(part, /\*\*chain FAILS\*\*: flink: no ¦ memory left/)
    assert.deepEqual(
      rowsOf(part, 'chain, 5 M events').filter(([, side]) => side === 'flink'),
      [],
    )
    assert.match(partOf('comparison', failed), /\*\*chain FAILS\*\*/)
  })

  it('of one commit and machine stand in one table, with one mean', () => {
    const session = (query: string, date: string, loadAverage: number) =>
      textOf(
        { ...ABOUT, date, loadAverage, versions: { Java: '17', Flink: '2.3.0' } },
        runLine({ peer: 'millrace', query, cpuSeconds: 20 }),
        runLine({ peer: 'flink', query, cpuSeconds: 80 }),
      )
    const text = session('q0', '2026-01-31', 0.1) + session('q1', '2026-02-01', 0.5)
    const part = generate(parseLines('runs', text)).parts.get('comparison') ?? ''
    assert.equal(part.split('Measured').length, 2)
    assert.match(
      part,
      /Measured 2026-01-31 to 2026-02-01, .* Java 17, Flink 2\.3\.0, 2 cores .*, load up to 0\.5 before/,
    )
    assert.match(part, /Geometric mean of 2 queries/)
  })

  it('keep sessions and settings apart', () => {
    const [own, other] = [
      textOf(ABOUT, ...round(21, 11, 41)),
      textOf({ ...ABOUT, node: 'v25.0.0' }, runLine({ peer: 'millrace', cpuSeconds: 1 })),
    ]
    const keys = textOf({ ...ABOUT, commit: 'def+' }, runLine({ peer: 'millrace', cpuSeconds: 9, keys: 7 }))
    const part = generate(parseLines('runs', own + other + keys)).parts.get('comparison') ?? ''
    assert.deepEqual(rowsOf(part, 'chain, 5 M events').filter(([, side]) => side === 'flink').length, 2)
    assert.equal(rowsOf(part, 'chain, 5 M events, keys 7').length, 1)
    assert.match(part, /commit def with changes that are not committed/)
  })

  it('of a store on the disk have a row for each backend, with its own goal and memory', () => {
    const large = { shape: 'large-state', keys: 5_000_000, skew: 0.99 }
    const part = partOf(
      'large-state',
      runLine({ peer: 'millrace', cpuSeconds: 20, ...large }),
      runLine({ peer: 'flink', cpuSeconds: 50, peakMemoryBytes: 800e6, ...large }),
      runLine({ peer: 'millrace-rocksdb', cpuSeconds: 40, peakMemoryBytes: 400e6, ...large }),
    )
    const title = 'large-state, 5 M events, keys 5000000, skew 0.99'
    assert.deepEqual(
      [title, `${title}: millrace-rocksdb`].map((name) => {
        const [row] = rowsOf(part, name)
        return [row?.[2], row?.[5], row?.[6], row?.[7]]
      }),
      [
        ['2.50 ×', 'at least 2 ×', 'reached', '0.25 ×: below'],
        ['1.25 ×', 'at least 2 ×', '**NOT reached**', '0.50 ×: below'],
      ],
    )
    assert.equal(partOf('comparison', runLine({ peer: 'millrace', cpuSeconds: 20, ...large })), '', 'a part of its own')
  })

  it('of queries have their geometric mean', () => {
    const query = (name: string, millrace: number, flink: number) => [
      runLine({ peer: 'millrace', query: name, cpuSeconds: millrace }),
      runLine({ peer: 'flink', query: name, cpuSeconds: flink }),
    ]
    const part = partOf('comparison', ...query('q0', 20, 40), ...query('q1', 20, 160))
    assert.match(part, /Geometric mean of 2 queries against Flink: 4\.00 × .* goal 5 ×: \*\*NOT reached\*\*/)
  })
})

describe('latency', () => {
  const line: LatencyLine = {
    latency: 'chain',
    parallelism: 1,
    warmUpMs: 1,
    durationMs: 10_000,
    checkpointEveryMs: 1,
    bufferTimeoutMs: 10,
    perSecond: 1_000,
    ratePercent: 50,
    records: 1,
    rows: 1,
    recorded: 1,
    reachedPerSecond: 1_000,
    backlogMs: 0,
    checkpoints: 10,
    p50Ms: 1,
    p90Ms: 2,
    p99Ms: 3,
    p999Ms: 4,
    maxMs: 5,
    cpuSeconds: 1,
    wallSeconds: 1,
    peakMemoryBytes: 1,
  }

  it('is judged at the rate of the goal, and says what does not keep up', () => {
    const lines = [
      { ...line, perSecond: null, ratePercent: null },
      line,
      { ...line, p99Ms: 20, machinePauseMs: 17.25 },
      { ...line, backlogMs: 100 },
      { ...line, ratePercent: 90 },
    ]
    const rows = rowsOf(partOf('latency', ...lines), 'chain')
    assert.deepEqual(
      rows.map((row) => [row[3], row[9], row[12], row[14]]),
      [
        ['50', '3.00', '–', 'reached'],
        ['50', '20.00', '17.25', '**NOT reached**'],
        ['50', '3.00', '–', '**NOT reached**: does not keep up'],
        ['90', '3.00', '–', ''],
      ],
    )
  })

  it('shows what failed', () => {
    const failed: FailedLatency = {
      ...{ failure: 'gone', latency: 'keyed', parallelism: 2, warmUpMs: 1, durationMs: 1, checkpointEveryMs: 1 },
      ...{ bufferTimeoutMs: 10, perSecond: 5_000, ratePercent: 50 },
    }
    const [row] = rowsOf(partOf('latency', line, failed), 'keyed')
    assert.deepEqual([row?.[2], row?.[3], row?.[14]], ['5000', '50', '**FAILS**: gone'])
  })
})

describe('costs', () => {
  it('are those of pairs of runs, with their goals', () => {
    const checkpoints = { suite: 'checkpoints', peer: 'millrace' }
    const scaling = { suite: 'scaling', peer: 'millrace', shape: 'exchange' }
    const pause: PauseRun = {
      pauses: 'running-sum',
      events: 1e6,
      keys: 1e6,
      wallSeconds: 2,
      scavenges: 7,
      scavengeMsMax: 5,
      markCompacts: 3,
      markCompactMsMax: 51,
      totalMs: 100,
    }
    const part = partOf(
      'costs',
      runLine({ ...checkpoints, cpuSeconds: 11, checkpointIntervalMs: 0 }),
      runLine({ ...checkpoints, cpuSeconds: 12, checkpointIntervalMs: 10_000, checkpoints: 3 }),
      runLine({ ...checkpoints, cpuSeconds: 11, checkpointIntervalMs: 0 }),
      runLine({ ...checkpoints, cpuSeconds: 12, checkpointIntervalMs: 10_000, checkpoints: 3 }),
      // Not finished: it has no pair.
      runLine({ ...checkpoints, cpuSeconds: 11, checkpointIntervalMs: 0 }),
      runLine({ ...scaling, cpuSeconds: 11, wallSeconds: 11, freeCores: 2 }),
      runLine({ ...scaling, cpuSeconds: 13.5, wallSeconds: 6, parallelism: 2, freeCores: 2 }),
      pause,
    )
    assert.deepEqual(rowsOf(part, 'chain'), [['chain', '5 M', '2', '10.0 % ± 0.0 %', '0.0 %', '2', '**NOT reached**']])
    assert.deepEqual(rowsOf(part, 'exchange'), [
      ['exchange', '5 M', '1 of 1', '2.00 ×', '1.25 ×', '20.0 %', 'at least 1.2 ×', 'reached'],
    ])
    assert.deepEqual(rowsOf(part, 'running-sum'), [
      ['running-sum', '1 M', '1 M', '51.0', '7 up to 5.0', '3 up to 51.0', '100 of 2000', '**NOT reached**'],
    ])
  })
})

describe('costs of state', () => {
  it('have an item for each run, and for each that failed', () => {
    const run = { cpuSeconds: 1, wallSeconds: 1, peakMemoryBytes: 1 }
    const incremental = { ...run, keys: 5e6, fullBytes: 100e6, fullMs: 1_000, incrementalBytes: 1e6, incrementalMs: 40 }
    const churn = { ...run, checkpoints: 10_000, heldBytes: 3e6, liveBytes: 2e6, files: 4, deadFiles: 0 }
    const part = partOf(
      'costs',
      { cost: 'incremental', ...incremental },
      { cost: 'churn', ...churn, startMsEarly: 1, startMsLate: 1 },
      { cost: 'restore', failure: 'gone' },
    )
    assert.match(
      part,
      /^- \*\*incremental\*\*, 5 M keys: full .* 1\.0 % of the bytes, 4\.0 % of the time; .*NOT reached/m,
    )
    assert.match(part, /^- \*\*churn\*\*, 10 k checkpoints: 4 files .*: reached$/m)
    assert.match(part, /^- \*\*restore FAILS\*\*: gone$/m)
  })
})

describe('costs that are not known', () => {
  const scaling = { suite: 'scaling', peer: 'millrace', shape: 'exchange' }

  it('say why: a machine that was busy', () => {
    const part = partOf(
      'costs',
      runLine({ ...scaling, cpuSeconds: 11, wallSeconds: 11, freeCores: 1.3 }),
      runLine({ ...scaling, cpuSeconds: 13.5, wallSeconds: 6, parallelism: 2, freeCores: 1.3, othersCores: 0.6 }),
    )
    const [row] = rowsOf(part, 'exchange')
    assert.deepEqual(row?.slice(2, 6), ['0 of 1', '–', '–', '–'])
    assert.match(row?.[7] ?? '', /not said: no two free cores .* got 1\.30 × .* up to 0\.60 cores/)
  })

  it('say what failed and what differs', () => {
    const failure = 'broken'
    const pauses: FailedPauses = { failure, pauses: 'running-sum', events: 1, keys: 1 }
    const part = partOf(
      'costs',
      { ...runLine({ ...scaling, cpuSeconds: 1, parallelism: 2 }), failure } as FailedRun,
      runLine({ suite: 'checkpoints', peer: 'millrace', cpuSeconds: 11, checkpointIntervalMs: 0 }),
      runLine({ suite: 'checkpoints', peer: 'millrace', cpuSeconds: 11, checkpointIntervalMs: 10_000, digest: 'b' }),
      pauses,
    )
    assert.match(part, /\*\*FAILS\*\*: exchange at parallelism 2: broken/)
    assert.match(
      part,
      /\*\*FAILS\*\*: chain, 5000000 events: results differ: .* interval of 0 ms 5 a; .* of 10000 ms 5 b/,
    )
    assert.match(part, /\*\*FAILS\*\*: running-sum: broken/)
  })
})

describe('curves', () => {
  it('have a table, and a picture that it links, of what was measured last', () => {
    const at = (keys: number, cpuSeconds: number) =>
      runLine({ suite: 'curve-keys', peer: 'millrace', shape: 'running-sum', keys, cpuSeconds, events: 1e6 })
    const early = textOf({ ...ABOUT, commit: 'def' }, at(10, 99))
    // A step of its own, measured twice: the last one stands.
    const steps = textOf(ABOUT, at(1_000_000, 9)) + textOf(ABOUT, at(1_000_000, 3))
    const late = steps + textOf(ABOUT, at(1_000, 2), at(1_000, 4), at(1_000, 2.5))
    const { parts, pictures } = generate(parseLines('runs', early + late))
    const part = parts.get('curves') ?? ''
    assert.deepEqual(rowsOf(part, 'running-sum'), [
      ['running-sum', '1 k', '1 M', '1500'],
      ['running-sum', '1 M', '1 M', '2000'],
    ])
    assert.deepEqual([...pictures.keys()], ['performance-keys.svg'])
    assert.match(part, /!\[[^\]]+\]\(performance-keys\.svg\)/)
    assert.deepEqual([...parts.keys()], ['curves'], 'a run of a curve is no comparison')
  })
})

describe('curves with holes', () => {
  const windows = (peer: string, events: number, more: object) =>
    runLine({
      ...{ suite: 'curve-windows', peer, shape: 'sliding', keys: 1_000, sizeMs: 360_000, slideMs: 1_000, events },
      ...{ cpuSeconds: 2, outputs: events * 3, ...more },
    })

  it('show what failed in its place, and results that differ', () => {
    const failed = { ...windows('flink', 1e6, {}), failure: 'no memory' } as FailedRun
    const part = partOf('curves', windows('millrace', 1e6, {}), windows('jet', 1e6, { digest: 'b' }), failed)
    assert.deepEqual(rowsOf(part, 'sliding, 1 k keys'), [
      ['sliding, 1 k keys', '360', '1 M', '1000', '**FAILS**', '1000'],
    ])
    assert.match(part, /\*\*FAILS\*\*: sliding, 1 k keys, flink: no memory/)
    assert.match(part, /\*\*FAILS\*\*: sliding, 1000000 events: results differ: millrace 3000000 a; jet 3000000 b/)
  })

  it('have a row for each number of records, and ratios of runs on the same ones only', () => {
    const round = [
      ...[windows('millrace', 1_000, { cpuSeconds: 2 }), windows('flink', 1_000, { cpuSeconds: 101 })],
      ...[windows('flink-sql', 1_000, { cpuSeconds: 3 }), windows('jet', 1_000, { cpuSeconds: 9 })],
      ...[windows('millrace', 9_000, { cpuSeconds: 5 }), windows('jet', 9_000, { cpuSeconds: 3 })],
    ]
    const part = partOf('curves', ...round, ...round)
    assert.deepEqual(
      rowsOf(part, 'sliding, 1 k keys').map((row) => row.slice(2)),
      [
        ['1 k', '1000000', '100000000', '2000000', '8000000'],
        ['9000', '444444', '', '', '222222'],
      ],
    )
    // A thousand draws of a thousand keys give 632 of them.
    assert.deepEqual(rowsOf(part, '360'), [
      ['360', '1 k', 'flink', '1 k', '632', '3.0', '100.0 ×', 'at least 50 ×', 'reached'],
      ['360', '1 k', 'flink-sql', '1 k', '632', '3.0', '2.0 ×', 'at least 8 ×', '**NOT reached**'],
      ['360', '1 k', 'jet', '9000', '1 k', '3.0', '0.5 ×', 'ahead', '**NOT reached**'],
    ])
    const once = rowsOf(partOf('curves', ...round), '360')
    assert.deepEqual(new Set(once.map((row) => row.at(-1))), new Set(['too few runs to say']))
    // Ratios of 5 and 15 around the goal of 8.
    const apart = [windows('millrace', 9, {}), windows('flink-sql', 9, { cpuSeconds: 6 }), windows('millrace', 9, {})]
    const close = rowsOf(partOf('curves', ...apart, windows('flink-sql', 9, { cpuSeconds: 16 })), '360')
    assert.deepEqual(
      close.map((row) => row.at(-1)),
      ['too close to say'],
    )
  })
})

describe('the page', () => {
  const page = 'a\n<!-- generated: latency -->\nold\n<!-- end -->\nb\n<!-- generated: costs -->\nold\n<!-- end -->\nc\n'

  it('keeps what is written and what there are no figures for, and does not change when it is made again', () => {
    const parts = new Map<PartName, string>([['costs', 'new $& $1']])
    const once = replaceParts(page, parts)
    assert.equal(
      once,
      page.replace('costs -->\nold\n', () => 'costs -->\n\nnew $& $1\n\n'),
    )
    assert.equal(replaceParts(once, parts), once)
  })

  it('is refused when a part has no place, two, or no end', () => {
    const parts = new Map<PartName, string>([['latency', 'new']])
    for (const broken of ['', page + page, page.replace('<!-- end -->', '')]) {
      assert.throws(() => replaceParts(broken, parts), MarkerError)
    }
  })

  it('of the repository has a place for every part, and all pictures that it shows', () => {
    const docs = new URL('../../../docs/', import.meta.url)
    const text = readFileSync(new URL('performance.md', docs), 'utf8')
    const replaced = replaceParts(text, new Map(PARTS.map((name) => [name, `figures of ${name}`])))
    for (const name of PARTS) assert.ok(replaced.includes(`\n\nfigures of ${name}\n\n`))
    for (const picture of PICTURES)
      assert.equal(text.includes(`(${picture})`), existsSync(new URL(picture, docs)), picture)
  })
})
