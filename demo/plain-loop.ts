/**
 * What the demonstration's job computes, computed again by a loop over the Parquet file: no engine, no connector, only
 * hyparquet and maps. Gives the lines that the job's outputs must have, in no particular order.
 */
import { zstdDecompressSync } from 'node:zlib'
import { asyncBufferFromFile, type Compressors, parquetMetadataAsync, parquetRead } from 'hyparquet'

export interface PlainLoopOptions {
  /** Fewer flights than this in an hour, and the airport has no rank in it. */
  readonly flightsMin: number
  /** Airports of each hour that get a rank. */
  readonly top: number
  /** Checked between row groups; ends the loop by throwing its reason. */
  readonly signal: AbortSignal
}

export interface PlainLoopResult {
  readonly flights: number
  /** `start,airport,flights,meanDelay,worstDelay`; start in epoch ms, delays in minutes. */
  readonly airportHours: readonly string[]
  /** `start,rank,airport,flights,meanDelay,worstDelay` */
  readonly mostDelayed: readonly string[]
}

interface AirportHour {
  readonly airport: string
  flights: number
  delaySum: number
  worstDelay: number
}

interface Flight {
  readonly date: Date
  readonly delay: bigint
  readonly origin: string
}

const HOUR_MS = 3_600_000
const COMPRESSORS: Compressors = { ZSTD: (bytes) => zstdDecompressSync(bytes) }

/** Rows need not be sorted; all hours are kept to the end. */
export async function runPlainLoop(path: string, options: PlainLoopOptions): Promise<PlainLoopResult> {
  const hours = new Map<number, Map<string, AirportHour>>()
  let flights = 0
  for await (const { date, delay, origin } of readRowGroups(path)) {
    options.signal.throwIfAborted()
    for (let i = 0; i < date.length; i++) {
      const start = Math.floor((date[i] as Date).getTime() / HOUR_MS) * HOUR_MS
      addFlight(hours, start, origin[i] as string, Number(delay[i]))
    }
    flights += date.length
  }
  return { flights, ...describe(hours, options) }
}

function addFlight(hours: Map<number, Map<string, AirportHour>>, start: number, airport: string, delay: number): void {
  let airports = hours.get(start)
  if (airports === undefined) {
    airports = new Map()
    hours.set(start, airports)
  }
  const hour = airports.get(airport)
  if (hour === undefined) {
    airports.set(airport, { airport, flights: 1, delaySum: delay, worstDelay: delay })
  } else {
    hour.flights++
    hour.delaySum += delay
    hour.worstDelay = Math.max(hour.worstDelay, delay)
  }
}

function describe(hours: ReadonlyMap<number, ReadonlyMap<string, AirportHour>>, options: PlainLoopOptions) {
  const airportHours: string[] = []
  const mostDelayed: string[] = []
  const mean = ({ delaySum, flights }: AirportHour) => delaySum / flights
  const figures = (hour: AirportHour) => `${hour.airport},${hour.flights},${mean(hour)},${hour.worstDelay}`
  for (const [start, airports] of hours) {
    for (const hour of airports.values()) airportHours.push(`${start},${figures(hour)}`)
    const ranked = [...airports.values()]
      .filter(({ flights }) => flights >= options.flightsMin)
      .sort((a, b) => mean(b) - mean(a) || (a.airport < b.airport ? -1 : 1))
    for (const [index, hour] of ranked.slice(0, options.top).entries()) {
      mostDelayed.push(`${start},${index + 1},${figures(hour)}`)
    }
  }
  return { airportHours, mostDelayed }
}

/** The columns of one row group after the other. */
async function* readRowGroups(path: string): AsyncGenerator<{ [Name in keyof Flight]: Flight[Name][] }> {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  let rowStart = 0
  for (const { num_rows: rows } of metadata.row_groups) {
    const rowEnd = rowStart + Number(rows)
    const group = { date: [] as Date[], delay: [] as bigint[], origin: [] as string[] }
    await parquetRead({
      ...{ file, metadata, compressors: COMPRESSORS, columns: Object.keys(group), rowStart, rowEnd },
      onChunk: ({ columnName, columnData }) => {
        const column = group[columnName as keyof Flight] as unknown[]
        for (const value of columnData as ArrayLike<unknown> as unknown[]) column.push(value)
      },
    })
    yield group
    rowStart = rowEnd
  }
}
