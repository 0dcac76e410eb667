import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorCode, MillraceError } from '@millrace/api'
import { CONFIG_OPTIONS, type ConfigKey } from '../../src/config/options.ts'
import { explainOption, formatDefault, parseConfig, restartStrategyOf } from '../../src/config/parse-config.ts'

const parse = (pairs: Record<string, string | number | boolean>) => parseConfig([{ source: '-D', pairs }])

test('without anything given every key has its default', () => {
  const config = parseConfig([])
  assert.equal(config.get('execution.checkpointing.interval'), 10_000)
  assert.equal(config.get('execution.checkpointing.timeout'), 600_000)
  assert.equal(config.get('execution.checkpointing.externalized-checkpoint-retention'), 'RETAIN_ON_CANCELLATION')
  assert.equal(config.get('heartbeat.timeout'), 50_000)
  assert.equal(config.get('state.storage.fs.memory-threshold'), 20_480)
  assert.equal(config.get('pipeline.max-parallelism'), undefined)
})

test('values as Flink writes them', () => {
  const table: readonly (readonly [ConfigKey, string | number | boolean, unknown])[] = [
    ['execution.checkpointing.interval', '10s', 10_000],
    ['execution.checkpointing.interval', ' 5 min ', 300_000],
    ['execution.checkpointing.interval', 1_500, 1_500],
    ['execution.checkpointing.interval', '0', 0],
    ['execution.buffer-timeout', '0 ms', 0],
    ['taskmanager.memory.network.max', '64mb', 64 * 1024 ** 2],
    ['taskmanager.memory.network.max', '1 gb', 1024 ** 3],
    ['execution.checkpointing.mode', 'at_least_once', 'AT_LEAST_ONCE'],
    ['restart-strategy.type', 'off', 'none'],
    ['restart-strategy.type', 'FixedDelay', 'fixed-delay'],
    ['restart-strategy.exponential-delay.backoff-multiplier', '2', 2],
    ['parallelism.default', '4', 4],
    ['millrace.development-mode', true, true],
    ['millrace.development-mode', 'FALSE', false],
    ['execution.checkpointing.dir', 'some folder', 'some folder'],
  ]
  for (const [key, written, value] of table)
    assert.equal(parse({ [key]: written }).get(key), value, `${key}=${written}`)
})

test('what does not fit is refused, naming key, value and source', () => {
  const table: readonly (readonly [ConfigKey, string | number])[] = [
    ['execution.checkpointing.interval', 'soon'],
    ['execution.checkpointing.interval', '-1 s'],
    ['execution.checkpointing.timeout', '0 s'],
    ['taskmanager.memory.network.max', '64 mbit'],
    ['execution.checkpointing.mode', 'TWICE'],
    ['parallelism.default', '0'],
    ['parallelism.default', '1.5'],
    ['parallelism.default', ''],
    ['parallelism.default', '0x10'],
    ['pipeline.max-parallelism', '32769'],
    ['restart-strategy.exponential-delay.backoff-multiplier', '1'],
    ['restart-strategy.exponential-delay.jitter-factor', '1.1'],
    ['restart-strategy.exponential-delay.jitter-factor', 'NaN'],
    ['millrace.development-mode', 'yes'],
    ['execution.checkpointing.dir', ' '],
  ]
  for (const [key, written] of table) {
    assert.throws(
      () => parse({ [key]: written }),
      (error) =>
        isCode(error, 'CONFIG_INVALID_VALUE') && error.details.key === key && /-D/.test(error.message) && !!error.hint,
      `${key}=${written}`,
    )
  }
})

test('a value that only Flink has is refused with what to write instead', () => {
  assert.equal(parse({}).get('execution.state-recovery.claim-mode'), 'NO_CLAIM')
  assert.equal(
    parse({ 'execution.state-recovery.claim-mode': 'claim' }).get('execution.state-recovery.claim-mode'),
    'CLAIM',
  )
  assert.throws(
    () => parse({ 'execution.state-recovery.claim-mode': 'LEGACY' }),
    (error) => isCode(error, 'CONFIG_INVALID_VALUE') && /write NO_CLAIM .* or CLAIM/.test(error.hint ?? ''),
  )
  for (const backend of ['rocksdb', 'RocksDB', 'forst']) {
    assert.throws(
      () => parse({ 'state.backend.type': backend }),
      (error) => isCode(error, 'CONFIG_INVALID_VALUE') && /write segments/.test(error.hint ?? ''),
    )
  }
})

test('values that exclude each other are refused', () => {
  for (const pairs of [
    { 'restart-strategy.exponential-delay.initial-backoff': '2 min' },
    { 'taskmanager.memory.segment-size': '8 mb' },
    { 'parallelism.default': 5, 'pipeline.max-parallelism': 4 },
  ]) {
    assert.throws(
      () => parse(pairs as unknown as Record<string, string>),
      (error) => isCode(error, 'CONFIG_INVALID_VALUE'),
    )
  }
})

test('unaligned checkpoints are taken one at a time; at-least-once takes no notice of them', () => {
  const pairs = {
    'execution.checkpointing.unaligned.enabled': 'true',
    'execution.checkpointing.max-concurrent-checkpoints': '2',
  }
  assert.throws(
    () => parseConfig([{ source: '-D', pairs }]),
    (error) =>
      isCode(error, 'CONFIG_INVALID_VALUE') &&
      /max-concurrent-checkpoints is 2 \(from -D\)/.test(error.message) &&
      error.hint !== undefined,
  )
  parseConfig([{ source: '-D', pairs: { ...pairs, 'execution.checkpointing.mode': 'AT_LEAST_ONCE' } }])
})

test('an unknown key names the one that was probably meant', () => {
  const meant = (key: string): string => {
    try {
      parse({ [key]: '1' })
    } catch (error) {
      if (isCode(error, 'CONFIG_UNKNOWN_KEY')) return error.hint ?? ''
    }
    return 'no error'
  }
  assert.match(meant('execution.checkpoint.interval'), /"execution.checkpointing.interval"/)
  assert.match(meant('state.checkpoints.dir'), /"execution.checkpointing.dir"/)
  assert.match(meant('state.backend'), /"state.backend.type"/)
  assert.match(meant('state.checkpoints.dirr'), /"execution.checkpointing.dir"/)
  assert.match(meant('execution.checkpointing.unaligned'), /"execution.checkpointing.unaligned.enabled"/)
  assert.match(meant('toString'), /millrace config lists/)
  assert.match(meant('__proto__x'), /millrace config lists/)
})

test('later layers win and are remembered', () => {
  const config = parseConfig([
    { source: 'job file', pairs: { 'parallelism.default': 2, 'heartbeat.timeout': '1 s' } },
    { source: '-D', pairs: { 'parallelism.default': 3 } },
  ])
  assert.equal(config.get('parallelism.default'), 3)
  assert.equal(config.sources.get('parallelism.default'), '-D')
  assert.equal(config.sources.get('heartbeat.timeout'), 'job file')
  assert.equal(config.sources.get('pipeline.max-parallelism'), undefined)
  assert.equal(config.given.get('heartbeat.timeout'), '1 s')
})

test('the restart strategy follows from checkpoints being on', () => {
  assert.deepEqual(restartStrategyOf(parse({})), {
    type: 'exponential-delay',
    initialBackoffMs: 1_000,
    maxBackoffMs: 60_000,
    backoffMultiplier: 1.5,
    resetBackoffThresholdMs: 3_600_000,
    jitterFactor: 0.1,
    attemptsBeforeResetBackoff: Number.POSITIVE_INFINITY,
  })
  assert.deepEqual(restartStrategyOf(parse({ 'execution.checkpointing.interval': '0' })), { type: 'none' })
  assert.deepEqual(restartStrategyOf(parse({ 'restart-strategy.type': 'fixed-delay' })), {
    type: 'fixed-delay',
    attempts: 1,
    delayMs: 1_000,
  })
  assert.deepEqual(restartStrategyOf(parse({ 'restart-strategy.type': 'failure-rate' })), {
    type: 'failure-rate',
    maxFailuresPerInterval: 1,
    intervalMs: 60_000,
    delayMs: 1_000,
  })
})

test('every key explains itself, and its default can be written', () => {
  for (const key of Object.keys(CONFIG_OPTIONS) as ConfigKey[]) {
    assert.ok(explainOption(key).startsWith(`${key}: `))
    const written = formatDefault(CONFIG_OPTIONS[key])
    if (written !== '(none)') assert.equal(parse({ [key]: written }).get(key), CONFIG_OPTIONS[key].default, key)
  }
  assert.match(explainOption('execution.checkpointing.interval'), /default 10 s/)
  assert.throws(
    () => explainOption('nothing'),
    (error) => isCode(error, 'CONFIG_UNKNOWN_KEY'),
  )
})

function isCode(error: unknown, code: ErrorCode): error is MillraceError {
  return error instanceof MillraceError && error.code === code
}
