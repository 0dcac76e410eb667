/** The results of the demonstration as lines for people. */

/** One line of the job's output `airportHours`. */
interface AirportHour {
  readonly start: number
  readonly airport: string
  readonly flights: number
  readonly meanDelay: number
  readonly worstDelay: number
}

const ROWS = 10

/** The most delayed airport-hours of all, and totals. `lines` are those of the output `airportHours`. */
export function renderResultTable(lines: readonly string[], flightsMin: number): readonly string[] {
  const hours = lines.map(parseAirportHour)
  const busy = hours.filter(({ flights }) => flights >= flightsMin)
  const worst = busy.toSorted((a, b) => b.meanDelay - a.meanDelay).slice(0, ROWS)
  const flights = hours.reduce((sum, hour) => sum + hour.flights, 0)
  const delaySum = hours.reduce((sum, hour) => sum + hour.flights * hour.meanDelay, 0)
  const airports = new Set(hours.map(({ airport }) => airport)).size
  const worstDelay = hours.reduce((highest, hour) => Math.max(highest, hour.worstDelay), Number.NEGATIVE_INFINITY)
  return [
    `The ${ROWS} most delayed hours of an airport, among ${exact(busy.length)} with ${flightsMin} flights or more`,
    '  airport  hour (local time)  flights  mean delay  worst delay',
    ...worst.map((hour) =>
      [
        `  ${hour.airport.padEnd(7)}`,
        new Date(hour.start).toISOString().slice(0, 16).replace('T', ' ').padEnd(17),
        exact(hour.flights).padStart(7),
        minutes(hour.meanDelay).padStart(10),
        minutes(hour.worstDelay).padStart(11),
      ].join('  '),
    ),
    `  in all: ${exact(flights)} flights from ${airports} airports, ${exact(hours.length)} airport-hours,`,
    `  mean delay ${minutes(delaySum / flights)}, worst ${minutes(worstDelay)}`,
  ]
}

function parseAirportHour(line: string): AirportHour {
  const [start, airport = '', flights, meanDelay, worstDelay] = line.split(',')
  return {
    airport,
    start: Number(start),
    flights: Number(flights),
    meanDelay: Number(meanDelay),
    worstDelay: Number(worstDelay),
  }
}

function minutes(value: number): string {
  return `${value.toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })} min`
}

export function exact(count: number): string {
  return count.toLocaleString('en-US')
}
