/**
 * The steps of the whole measurement: each is one call of `npm run bench`, short enough to be lost, with sizes that give verdicts. What a side does
 * with its start must not decide, so light workloads have many events; heavy ones have as many as Flink does in a minute. Which
 * step is next is decided here and done elsewhere.
 */

export interface Step {
  readonly name: string
  /** Of three rounds on two quiet cores, with all peers; a guess until the first steps have been measured. */
  readonly minutes: number
  /** Of `npm run bench`, without rounds and file. */
  readonly args: readonly string[]
}

/** A step that was run, as its line in the file says it. */
export interface DoneStep {
  readonly step: string
  readonly minutes: number
  /** Null: it took too long and was stopped. */
  readonly exitStatus: number | null
  readonly rounds: number
}

const PEERS = 'loop,flink,flink-sql,jet'
const FLINKS = 'flink,flink-sql'

export const STEPS: readonly Step[] = [
  costs('pauses', 3, ['--events', '5000000']),
  costs('scaling', 6, ['--events', '20000000']),
  costs('checkpoints', 9, ['--seconds', '25']),
  shape('chain', 12, 120_000_000, PEERS),
  { ...shape('exchange', 6, 30_000_000, FLINKS, ['--parallelism', '2']), name: 'exchange between two slots' },
  shape('keyed-tumbling', 9, 60_000_000, PEERS),
  shape('sliding-best', 9, 30_000_000, PEERS),
  shape('running-sum', 8, 10_000_000, PEERS),
  // As many keys as Flink's RocksDB needs to have memory for its buffers, and of what is behind them as many as it does in some minutes.
  { ...shape('large-state', 25, 4_000_000, 'flink,rocksdb', ['--keys', '2000000']), name: 'large state, uniform' },
  {
    ...shape('large-state', 15, 6_000_000, 'flink,rocksdb', ['--keys', '2000000', '--skew', '0.99']),
    name: 'large state, skewed',
  },
  { ...shape('chain,keyed-tumbling', 1, 5_000_000, 'rxjs'), name: 'RxJS' },
  query('0', 13, 100_000_000),
  query('1', 13, 100_000_000),
  query('2', 13, 100_000_000),
  query('22', 12, 80_000_000),
  // With more, Flink SQL loses its TaskManager: 4 GB are not enough for it.
  query('7', 7, 8_000_000),
  query('12', 7, 20_000_000),
  query('5', 7, 15_000_000),
  query('15', 8, 20_000_000),
  query('16', 8, 8_000_000),
  query('17', 7, 15_000_000),
  query('18', 5, 8_000_000),
  ...['chain', 'keyed', 'window'].map(
    (job): Step => ({ name: `latency ${job}`, minutes: 8, args: ['--latency', job, '--seconds', '10'] }),
  ),
  ...['1000', '10000', '100000', '1000000'].map((keys) => curve('keys', 3, ['--events', '3000000', '--keys', keys])),
  curve('keys', 12, ['--events', '3000000', '--keys', '10000000']),
  ...['1000', '100000'].flatMap((keys) =>
    [1, 10, 60, 360, 3_600].map((windows) =>
      curve('windows', windows < 360 ? 3 : 6, [
        ...['--events', windows < 360 ? '1000000' : '5000000'],
        ...['--keys', keys, '--size-ms', `${windows * 1_000}`],
      ]),
    ),
  ),
  curve('parallelism', 12, ['--events', '5000000']),
  curve('width', 5, ['--events', '3000000']),
]

/**
 * The cheapest step that is not done and fits; undefined when there is none. `done`: of the file, whose times say how this machine
 * differs from the guess.
 */
export function decideNextStep(
  steps: readonly Step[],
  done: readonly DoneStep[],
  rounds: number,
  minutesLeft: number,
): Step | undefined {
  const [cheapest] = stepsLeft(steps, done).toSorted((a, b) => a.minutes - b.minutes)
  return cheapest !== undefined && expectedMinutes(cheapest, steps, done, rounds) <= minutesLeft ? cheapest : undefined
}

export function stepsLeft(steps: readonly Step[], done: readonly DoneStep[]): readonly Step[] {
  return steps.filter(({ name }) => !done.some(({ step }) => step === name))
}

const GUESSED_ROUNDS = 3
/** The guess weighs as much as so many minutes of steps that were measured: a few short ones say little of long ones. */
const GUESS_WEIGHT_MINUTES = 10

export function expectedMinutes(
  { minutes }: Step,
  steps: readonly Step[],
  done: readonly DoneStep[],
  rounds: number,
): number {
  const guessOf = (guess: number, ofRounds: number): number => (guess * ofRounds) / GUESSED_ROUNDS
  let [took, guessed] = [GUESS_WEIGHT_MINUTES, GUESS_WEIGHT_MINUTES]
  for (const one of done) {
    const step = steps.find(({ name }) => name === one.step)
    // How soon something broke says nothing.
    if (step === undefined || one.exitStatus !== 0) continue
    took += one.minutes
    guessed += guessOf(step.minutes, one.rounds)
  }
  return guessOf(minutes, rounds) * (took / guessed)
}

function shape(name: string, minutes: number, events: number, peers: string, more: readonly string[] = []): Step {
  return { name, minutes, args: ['--shapes', name, '--events', `${events}`, '--peers', peers, ...more] }
}

function query(number: string, minutes: number, events: number): Step {
  return { name: `q${number}`, minutes, args: ['--queries', number, '--events', `${events}`, '--peers', FLINKS] }
}

function curve(name: string, minutes: number, args: readonly string[]): Step {
  const place = args.slice(2).filter((word) => !word.startsWith('--'))
  return { name: ['curve', name, ...place].join(' '), minutes, args: ['--curves', name, '--peers', PEERS, ...args] }
}

function costs(name: string, minutes: number, args: readonly string[]): Step {
  return { name: `cost of ${name}`, minutes, args: ['--costs', name, ...args] }
}
