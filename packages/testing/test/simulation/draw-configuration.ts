/** The configuration of a simulated job, drawn: of its whole life, and what changes with every process. */
import type { FaultKind, SeededRandom } from '@millrace/testing'

/** Drawn before the scenario, of which only some show what at-least-once promises. */
export const MODES = [
  ...Array<'exactly-once'>(7).fill('exactly-once'),
  'at-least-once',
  'at-least-once',
  'none',
] as const
export type Mode = (typeof MODES)[number]

/** They cancel a job, some only at certain moments. */
const CANCELING: ReadonlySet<FaultKind> = new Set(['cancel', 'stop', 'savepoint-stop'])

const CONCURRENT = 'execution.checkpointing.max-concurrent-checkpoints'

export function drawConfiguration(random: SeededRandom, mode: Mode): Readonly<Record<string, string>> {
  const restart = random.pick(['fixed-delay', 'fixed-delay', 'exponential-delay', ...(mode === 'none' ? [] : ['none'])])
  return {
    'execution.checkpointing.interval': mode === 'none' ? '0' : random.pick(['6 ms', '20 ms', '60 ms']),
    'execution.checkpointing.mode': mode === 'at-least-once' ? 'AT_LEAST_ONCE' : 'EXACTLY_ONCE',
    'execution.checkpointing.timeout': random.pick(['1500 ms', '600 s']),
    'execution.checkpointing.min-pause': random.pick(['0 ms', '10 ms']),
    [CONCURRENT]: random.pick(['1', '1', '1', '2', '4']),
    'execution.checkpointing.num-retained': random.pick(['1', '1', '2', '4']),
    'execution.checkpointing.tolerable-failed-checkpoints': random.pick(['0', '1000', '1000']),
    'execution.checkpointing.incremental': random.pick(['true', 'true', 'false']),
    'execution.buffer-timeout': random.pick(['0 ms', '2 ms', '100 ms']),
    'taskmanager.memory.segment-size': '64 b',
    'taskmanager.memory.max-segment-size': random.pick(['256 b', '1 kb', '16 kb']),
    'millrace.channel.local-size': random.pick(['64 b', '1 kb', '16 kb']),
    'millrace.exchange.encode': random.pick(['auto', 'auto', 'always']),
    'state.storage.fs.memory-threshold': random.pick(['1 b', '400 b', '20 kb']),
    'pipeline.max-parallelism': random.pick(['3', '8', '8', '128']),
    'restart-strategy.type': restart,
    ...(restart === 'fixed-delay'
      ? {
          'restart-strategy.fixed-delay.attempts': '1000',
          'restart-strategy.fixed-delay.delay': random.pick(['0 ms', '30 ms']),
        }
      : {}),
    'heartbeat.timeout': '8 s',
    'millrace.development-mode': random.pick(['true', 'false']),
  }
}

/** A job that nobody cancels may lose its checkpoints by a cancellation: where it is only suspended they stay. */
export function drawRetention(random: SeededRandom, kinds: readonly FaultKind[]): Readonly<Record<string, string>> {
  const retention = random.pick(['RETAIN_ON_CANCELLATION', 'DELETE_ON_CANCELLATION'])
  if (kinds.some((kind) => CANCELING.has(kind))) return {}
  return { 'execution.checkpointing.externalized-checkpoint-retention': retention }
}

/** Of each process anew: what was taken with one way of barriers and of combining has to be restored with another. */
export function drawExchanges(
  random: SeededRandom,
  mode: Mode,
  configuration: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  // At-least-once takes no notice of it.
  const mayOvertake = mode === 'at-least-once' || configuration[CONCURRENT] === '1'
  return {
    'execution.checkpointing.unaligned.enabled': mayOvertake ? random.pick(['false', 'true', 'true']) : 'false',
    'execution.checkpointing.aligned-checkpoint-timeout': random.pick(['0 ms', '0 ms', '4 ms', '30 ms']),
    'millrace.channel.read-ahead-size': random.pick(['1 b', '200 b', '16 mb']),
    // Partial results in flight are worked off where nothing is combined any more, too.
    'millrace.exchange.combine': random.pick(['auto', 'auto', 'never']),
  }
}
