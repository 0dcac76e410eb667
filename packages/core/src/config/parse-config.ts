/**
 * Turns configuration as written (command line, job, file) into typed values. Nothing is ignored: an unknown key, an
 * unreadable value and a pair of values that exclude each other are errors that name where they came from.
 */
import { MillraceError, nearestName, parseDurationMs, parseMemorySizeBytes } from '@millrace/api'
import type { RestartStrategy } from '../restart/restart-strategy.ts'
import { insteadOfKey } from './absent-keys.ts'
import { CONFIG_OPTIONS, type ConfigKey, type ConfigValues, type OptionSpec } from './options.ts'

/** One place that configuration comes from; later layers win. */
export interface ConfigLayer {
  /** For errors and `info`: `-D`, `job file`, `millrace.json`. */
  readonly source: string
  readonly pairs: Readonly<Record<string, string | number | boolean>>
}

export interface TypedConfig {
  /** Durations in milliseconds, sizes in bytes; `undefined` for an unset key without default. */
  get<K extends ConfigKey>(key: K): ConfigValues[K]
  /** Which layer said so; `undefined` for a default. */
  readonly sources: ReadonlyMap<ConfigKey, string>
  /** What was set, as it was written; for `info` and the REST API. */
  readonly given: ReadonlyMap<ConfigKey, string>
}

const OPTIONS: Readonly<Record<string, OptionSpec>> = CONFIG_OPTIONS
const KEYS = Object.keys(CONFIG_OPTIONS)

/** Keys that Flink has under another name. */
const RENAMED: Readonly<Record<string, ConfigKey>> = {
  'state.checkpoints.dir': 'execution.checkpointing.dir',
  'state.savepoints.dir': 'execution.checkpointing.savepoint-dir',
  'state.checkpoints.num-retained': 'execution.checkpointing.num-retained',
  'state.backend': 'state.backend.type',
  'state.backend.incremental': 'execution.checkpointing.incremental',
  'execution.checkpointing.unaligned': 'execution.checkpointing.unaligned.enabled',
  'execution.checkpointing.alignment-timeout': 'execution.checkpointing.aligned-checkpoint-timeout',
  'taskmanager.tmp.dirs': 'io.tmp.dirs',
  'restart-strategy': 'restart-strategy.type',
  'execution.savepoint.path': 'execution.state-recovery.path',
  'execution.savepoint-restore-mode': 'execution.state-recovery.claim-mode',
  'execution.savepoint.ignore-unclaimed-state': 'execution.state-recovery.ignore-unclaimed-state',
  'execution.checkpointing.data-inline-threshold': 'state.storage.fs.memory-threshold',
}

/** Throws `CONFIG_UNKNOWN_KEY` or `CONFIG_INVALID_VALUE`. */
export function parseConfig(layers: readonly ConfigLayer[]): TypedConfig {
  const values = new Map<string, unknown>(KEYS.map((key) => [key, OPTIONS[key]?.default]))
  const sources = new Map<ConfigKey, string>()
  const given = new Map<ConfigKey, string>()
  for (const { source, pairs } of layers) {
    for (const [name, written] of Object.entries(pairs)) {
      const key = knownKey(name, source)
      values.set(key, parseValue(key, CONFIG_OPTIONS[key], String(written), source))
      sources.set(key, source)
      given.set(key, String(written))
    }
  }
  const config: TypedConfig = {
    // Each value was parsed by its own key's type.
    get: <K extends ConfigKey>(key: K) => values.get(key) as ConfigValues[K],
    sources,
    given,
  }
  checkTogether(config)
  return config
}

/** A key's type, default and meaning in one text. Throws `CONFIG_UNKNOWN_KEY`. */
export function explainOption(key: string): string {
  const spec: OptionSpec = CONFIG_OPTIONS[knownKey(key, 'the command line')]
  const differs = spec.differs === undefined ? '' : ` (${spec.differs})`
  const type = spec.type === 'choice' ? spec.choices.join(' | ') : spec.type
  return `${key}: ${type}, default ${formatDefault(spec)}. ${spec.doc}${differs}`
}

/** The default as it would be written: `10 s`, `64 mb`, `(none)`. */
export function formatDefault(spec: OptionSpec): string {
  if (spec.default === undefined) return '(none)'
  if (spec.type === 'duration') return formatBy(spec.default, DURATION_UNITS)
  if (spec.type === 'size') return formatBy(spec.default, SIZE_UNITS)
  return String(spec.default)
}

/** The restart strategy that the configuration asks for. */
export function restartStrategyOf(config: TypedConfig): RestartStrategy {
  const isCheckpointed = config.get('execution.checkpointing.interval') > 0
  switch (config.get('restart-strategy.type') ?? (isCheckpointed ? 'exponential-delay' : 'none')) {
    case 'none':
      return { type: 'none' }
    case 'fixed-delay':
      return {
        type: 'fixed-delay',
        attempts: config.get('restart-strategy.fixed-delay.attempts'),
        delayMs: config.get('restart-strategy.fixed-delay.delay'),
      }
    case 'failure-rate':
      return {
        type: 'failure-rate',
        maxFailuresPerInterval: config.get('restart-strategy.failure-rate.max-failures-per-interval'),
        intervalMs: config.get('restart-strategy.failure-rate.failure-rate-interval'),
        delayMs: config.get('restart-strategy.failure-rate.delay'),
      }
    case 'exponential-delay':
      return {
        type: 'exponential-delay',
        initialBackoffMs: config.get('restart-strategy.exponential-delay.initial-backoff'),
        maxBackoffMs: config.get('restart-strategy.exponential-delay.max-backoff'),
        backoffMultiplier: config.get('restart-strategy.exponential-delay.backoff-multiplier'),
        resetBackoffThresholdMs: config.get('restart-strategy.exponential-delay.reset-backoff-threshold'),
        jitterFactor: config.get('restart-strategy.exponential-delay.jitter-factor'),
        attemptsBeforeResetBackoff:
          config.get('restart-strategy.exponential-delay.attempts-before-reset-backoff') ?? Number.POSITIVE_INFINITY,
      }
  }
}

function knownKey(name: string, source: string): ConfigKey {
  if (Object.hasOwn(CONFIG_OPTIONS, name)) return name as ConfigKey
  // An older name of Flink's may be mistyped, too.
  const meant = Object.hasOwn(RENAMED, name) ? name : nearestName(name, [...KEYS, ...Object.keys(RENAMED)])
  const near = meant === undefined ? undefined : (RENAMED[meant] ?? meant)
  const instead = Object.hasOwn(RENAMED, name) ? undefined : insteadOfKey(name, KEYS)
  throw new MillraceError('CONFIG_UNKNOWN_KEY', `There is no configuration key "${name}" (from ${source})`, {
    details: { key: name, source },
    hint: instead ?? (near === undefined ? 'millrace config lists all keys.' : `Did you mean "${near}"?`),
  })
}

function parseValue(key: ConfigKey, spec: OptionSpec, written: string, source: string): unknown {
  const text = written.trim()
  switch (spec.type) {
    case 'text':
      if (text !== '') return text
      throw invalid(key, written, source, 'a text')
    case 'boolean':
      if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true'
      throw invalid(key, written, source, 'true or false')
    case 'choice': {
      const alias = spec.aliases?.[text.toLowerCase()] ?? text
      const found = spec.choices.find((choice) => normalised(choice) === normalised(alias))
      if (found !== undefined) return found
      const instead = spec.refused?.[normalised(text)]
      throw invalid(key, written, source, `one of ${spec.choices.join(', ')}`, instead)
    }
    case 'duration':
      return parseWith(
        () => parseDurationMs(/^\d+$/.test(text) ? `${text} ms` : text, { allowZero: spec.allowZero === true }),
        () =>
          invalid(
            key,
            written,
            source,
            `a ${spec.allowZero === true ? '' : 'positive '}duration, as "10 s" or "5 min"`,
          ),
      )
    case 'size':
      return parseWith(
        () => parseMemorySizeBytes(text),
        () => invalid(key, written, source, 'a size, as "64 mb"'),
      )
    case 'integer':
    case 'number':
      return parseNumber(key, spec, written, source)
  }
}

function parseNumber(
  key: ConfigKey,
  spec: OptionSpec & { readonly type: 'integer' | 'number' },
  written: string,
  source: string,
): number {
  const text = written.trim()
  const value = /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
  const isExclusive = spec.type === 'number' && spec.exclusiveMin === true
  const isWhole = spec.type === 'number' || Number.isSafeInteger(value)
  const isInRange = (isExclusive ? value > spec.min : value >= spec.min) && value <= (spec.max ?? Number.MAX_VALUE)
  if (isWhole && isInRange) return value
  const kind = spec.type === 'integer' ? 'a whole number' : 'a number'
  const above = isExclusive ? `above ${spec.min}` : `of at least ${spec.min}`
  throw invalid(key, written, source, `${kind} ${above}${spec.max === undefined ? '' : `, at most ${spec.max}`}`)
}

function parseWith(parse: () => number, refuse: () => MillraceError): number {
  try {
    return parse()
  } catch {
    throw refuse()
  }
}

function checkTogether({ get, sources }: TypedConfig): void {
  const smallerFirst: readonly (readonly [ConfigKey, ConfigKey])[] = [
    ['restart-strategy.exponential-delay.initial-backoff', 'restart-strategy.exponential-delay.max-backoff'],
    ['taskmanager.memory.segment-size', 'taskmanager.memory.max-segment-size'],
    ['parallelism.default', 'pipeline.max-parallelism'],
  ]
  for (const [smaller, larger] of smallerFirst) {
    const limit = get(larger)
    if (limit === undefined || (get(smaller) as number) <= (limit as number)) continue
    const source = sources.get(smaller) ?? sources.get(larger) ?? 'default'
    throw new MillraceError('CONFIG_INVALID_VALUE', `${smaller} is larger than ${larger} (from ${source})`, {
      details: { key: smaller, source },
      hint: `Lower ${smaller} or raise ${larger}.`,
    })
  }
  checkUnaligned(get, sources)
}

/** What is in flight belongs to one checkpoint at a time. */
function checkUnaligned(get: TypedConfig['get'], sources: TypedConfig['sources']): void {
  const concurrent = 'execution.checkpointing.max-concurrent-checkpoints'
  const unaligned = 'execution.checkpointing.unaligned.enabled'
  const isExactlyOnce = get('execution.checkpointing.mode') === 'EXACTLY_ONCE'
  if (!get(unaligned) || !isExactlyOnce || get(concurrent) === 1) return
  const source = sources.get(concurrent) ?? 'default'
  throw new MillraceError(
    'CONFIG_INVALID_VALUE',
    `${concurrent} is ${get(concurrent)} (from ${source}), and unaligned checkpoints are taken one at a time`,
    { details: { key: concurrent, source }, hint: `Set ${concurrent} to 1, or ${unaligned} to false.` },
  )
}

function invalid(
  key: ConfigKey,
  written: string,
  source: string,
  expected: string,
  hint = `Write ${expected}.`,
): MillraceError {
  return new MillraceError('CONFIG_INVALID_VALUE', `"${written}" is not a value for ${key} (from ${source})`, {
    details: { key, value: written, source },
    hint,
  })
}

function normalised(choice: string): string {
  return choice.toLowerCase().replaceAll('_', '-')
}

type Units = readonly (readonly [number, string])[]
const DURATION_UNITS: Units = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
  [1, 'ms'],
]
const SIZE_UNITS: Units = [
  [1024 ** 3, 'gb'],
  [1024 ** 2, 'mb'],
  [1024, 'kb'],
  [1, 'b'],
]

function formatBy(amount: number, units: Units): string {
  const [unit, name] = units.find(([size]) => amount >= size && amount % size === 0) ?? [1, units.at(-1)?.[1] ?? '']
  return `${amount / unit} ${name}`
}
