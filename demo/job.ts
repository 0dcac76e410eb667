/**
 * The demonstration's job: how late flights leave, per airport and hour, and the airports that are worst in each hour.
 * One of two queries that must give the same; the other is `plain-loop.ts`.
 */
import { ascending, average, count, defineJob, keyedProcess, listState, max, tumbling, type } from 'millrace'
import { csvSink, parquetFiles } from 'millrace/files'
import { z } from 'zod'

export default defineJob({
  name: 'flights',
  params: z.object({
    input: z.string(),
    airportHours: z.string(),
    mostDelayed: z.string(),
    flightsMin: z.coerce.number().int().positive(),
    top: z.coerce.number().int().positive(),
  }),
  build(env, { input, airportHours, mostDelayed, flightsMin, top }) {
    const hours = env
      .from(parquetFiles(input, { columns: { date: 'timestamp', delay: 'int', origin: 'string' } }), {
        uid: 'flights',
        name: 'read flights',
        // One file is one split.
        parallelism: 1,
        watermarks: ascending((flight) => flight.date),
      })
      .keyBy('origin')
      .window(tumbling({ size: '1 h' }))
      .aggregate(
        { flights: count(), meanDelay: average('delay'), worstDelay: max('delay') },
        (delays, { key, window }) => ({ start: window.start, end: window.end, airport: key, ...delays }),
        { uid: 'airport-hours', name: 'airport hours' },
      )

    hours.to(csvSink(airportHours, { columns: ['start', 'airport', 'flights', 'meanDelay', 'worstDelay'] }), {
      uid: 'airport-hours-out',
      name: 'write airport hours',
    })

    hours
      .filter((hour) => hour.flights >= flightsMin, { name: 'busy hours' })
      .keyBy('end')
      .process(mostDelayedOf(top), { uid: 'most-delayed', name: 'most delayed' })
      .to(csvSink(mostDelayed, { columns: ['start', 'rank', 'airport', 'flights', 'meanDelay', 'worstDelay'] }), {
        uid: 'most-delayed-out',
        name: 'write most delayed',
      })
  },
})

type AirportHour = {
  start: number
  end: number
  airport: string
  flights: number
  meanDelay: number
  worstDelay: number
}

/** Collects the airports of an hour; when the watermark reaches its end, all of them are there. */
const mostDelayedOf = (top: number) =>
  keyedProcess({
    state: { airports: listState<AirportHour>() },
    emits: type<AirportHour & { rank: number }>(),
    onRecord(hour: AirportHour, ctx) {
      ctx.state.airports.add(hour)
      ctx.timers.eventTime(hour.end)
    },
    onTimer(_at, ctx) {
      const ranked = ctx.state.airports
        .get()
        .toSorted((a, b) => b.meanDelay - a.meanDelay || (a.airport < b.airport ? -1 : 1))
      ctx.state.airports.clear()
      for (const [index, airport] of ranked.slice(0, top).entries()) ctx.emit({ ...airport, rank: index + 1 })
    },
  })
