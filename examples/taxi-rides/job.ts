import { ascending, count, type DataStream, defineJob, keyedProcess, sum, tumbling, type, valueState } from 'millrace'
import { csvFiles, csvSink } from 'millrace/files'
import { z } from 'zod'

type RideEvent = { ride: number; kind: string; at: number; startedAt: number; passengers: number }

export default defineJob({
  name: 'taxi-rides',
  params: z.object({
    input: z.string(),
    output: z.string(),
    query: z.enum(['15m', 'over-1h', 'ride-minutes']).default('15m'),
  }),
  build(env, { input, output, query }) {
    const rides = env.from(
      csvFiles(input, {
        columns: {
          ride: { type: 'int', index: 0 },
          kind: { type: 'string', index: 1 },
          at: { type: 'timestamp', index: 2 },
          startedAt: { type: 'timestamp', index: 3 },
          passengers: { type: 'int', index: 8 },
        },
      }),
      { uid: 'rides', watermarks: ascending((ride) => ride.at) },
    )
    switch (query) {
      case '15m':
        return perQuarter(rides, output)
      case 'over-1h':
        return overAnHour(rides, output)
      case 'ride-minutes':
        return rideMinutes(rides, output)
    }
  },
})

const isStart = ({ kind }: RideEvent) => kind === 'START'

function perQuarter(rides: DataStream<RideEvent>, output: string) {
  rides
    .keyBy(() => 'city')
    .window(tumbling({ size: '15 min' }))
    .aggregate(
      {
        starts: sum((ride) => (isStart(ride) ? 1 : 0)),
        ends: sum((ride) => (isStart(ride) ? 0 : 1)),
        passengers: sum((ride) => (isStart(ride) ? ride.passengers : 0)),
      },
      (sums, { window }) => ({ start: window.start / 1_000, end: window.end / 1_000, ...sums }),
      { uid: 'quarters' },
    )
    .keyBy(() => 'city')
    .process(countOpen, { uid: 'open' })
    .to(csvSink(output, { columns: ['start', 'end', 'starts', 'ends', 'passengers', 'open'] }), { uid: 'out' })
}

type Quarter = { start: number; end: number; starts: number; ends: number; passengers: number }

/** Quarters of one key come in order, so the open rides are a running sum. */
const countOpen = keyedProcess({
  state: { open: valueState<number>() },
  emits: type<Quarter & { open: number }>(),
  onRecord(quarter: Quarter, ctx) {
    const open = (ctx.state.open.get() ?? 0) + quarter.starts - quarter.ends
    ctx.state.open.set(open)
    ctx.emit({ ...quarter, open })
  },
})

function overAnHour(rides: DataStream<RideEvent>, output: string) {
  rides
    .keyBy('ride')
    .process(findLongRides, { uid: 'long-rides' })
    .to(csvSink(output, { columns: ['ride', 'start', 'end', 'kind'] }), { uid: 'out' })
}

type LongRide = { ride: number; start: number; end: number | null; kind: 'ended_late' | 'still_open' }

const HOUR_MS = 3_600_000
/** Reached when the input ends, as the watermark then goes to infinity. */
const END_OF_INPUT = Number.MAX_SAFE_INTEGER

const findLongRides = keyedProcess({
  key: type<number>(),
  state: { startedAt: valueState<number>() },
  emits: type<LongRide>(),
  onRecord(event: RideEvent, ctx) {
    if (isStart(event)) {
      ctx.state.startedAt.set(event.at)
      ctx.timers.eventTime(event.at + HOUR_MS + 1)
      return
    }
    const startedAt = ctx.state.startedAt.get()
    if (startedAt === undefined) return
    if (event.at - startedAt > HOUR_MS) {
      ctx.emit({ ride: event.ride, start: startedAt / 1_000, end: event.at / 1_000, kind: 'ended_late' })
    }
    ctx.state.startedAt.clear()
    ctx.timers.deleteEventTime(startedAt + HOUR_MS + 1)
    ctx.timers.deleteEventTime(END_OF_INPUT)
  },
  onTimer(at, ctx) {
    if (at === END_OF_INPUT) {
      ctx.emit({ ride: ctx.key, start: (ctx.state.startedAt.get() ?? 0) / 1_000, end: null, kind: 'still_open' })
      ctx.state.startedAt.clear()
    } else if (ctx.watermark < END_OF_INPUT) {
      // The hour is over while the data goes on: the ride is listed, late or open, whichever it turns out to be.
      ctx.timers.eventTime(END_OF_INPUT)
    } else {
      // The input ended within the hour: nobody knows.
      ctx.state.startedAt.clear()
    }
  },
})

function rideMinutes(rides: DataStream<RideEvent>, output: string) {
  rides
    .filter((ride) => !isStart(ride))
    .map((ride) => ({ minutes: Math.floor((ride.at - ride.startedAt) / 60_000) }))
    .keyBy('minutes')
    // One window from 1970 on that no input outlasts: it fires when the input ends.
    .window(tumbling({ size: '36500 d' }))
    .aggregate({ rides: count() }, ({ rides }, { key }) => ({ minutes: key, rides }), { uid: 'per-minute' })
    .to(csvSink(output, { columns: ['minutes', 'rides'] }), { uid: 'out' })
}
