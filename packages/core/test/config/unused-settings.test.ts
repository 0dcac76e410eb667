import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../src/config/parse-config.ts'
import { unusedSettings } from '../../src/config/unused-settings.ts'

const TIMEOUT = 'execution.checkpointing.aligned-checkpoint-timeout'
const UNALIGNED = 'execution.checkpointing.unaligned.enabled'

const cases: { given: Record<string, string>; told: readonly RegExp[] }[] = [
  { given: {}, told: [] },
  { given: { [TIMEOUT]: '1 s' }, told: [new RegExp(`^${TIMEOUT} has no effect: .*${UNALIGNED} is true`)] },
  { given: { [TIMEOUT]: '1 s', [UNALIGNED]: 'true' }, told: [] },
  {
    given: { [UNALIGNED]: 'true', [TIMEOUT]: '1 s', 'execution.checkpointing.mode': 'AT_LEAST_ONCE' },
    told: [new RegExp(`^${UNALIGNED}, ${TIMEOUT} have no effect: .*AT_LEAST_ONCE`)],
  },
  { given: { [UNALIGNED]: 'false', 'execution.checkpointing.mode': 'AT_LEAST_ONCE' }, told: [] },
  {
    given: { 'taskmanager.memory.managed.size': '64 mb' },
    told: [/^taskmanager\.memory\.managed\.size has no effect: .*hashmap/],
  },
  { given: { 'io.tmp.dirs': '/tmp' }, told: [/^io\.tmp\.dirs has no effect/] },
  { given: { 'taskmanager.memory.managed.size': '64 mb', 'state.backend.type': 'segments' }, told: [] },
  {
    given: {
      'execution.checkpointing.interval': '0',
      'execution.checkpointing.dir': '/data',
      'execution.checkpointing.num-retained': '3',
      'execution.checkpointing.timeout': '1 min',
    },
    told: [
      /^execution\.checkpointing\.num-retained, execution\.checkpointing\.timeout have no effect: .*interval is 0/,
    ],
  },
  {
    given: { 'execution.checkpointing.interval': '0', 'state.storage.fs.memory-threshold': '1 kb' },
    told: [/^state\.storage\.fs\.memory-threshold has no effect: .*interval is 0/],
  },
  {
    given: { 'millrace.channel.read-ahead-size': '1 mb' },
    told: [new RegExp(`^millrace\\.channel\\.read-ahead-size has no effect: .*${UNALIGNED} is true`)],
  },
  { given: { 'millrace.channel.read-ahead-size': '1 mb', [UNALIGNED]: 'true' }, told: [] },
  {
    given: { 'state.backend.type': 'segments', 'state.backend.rocksdb.compaction.style': 'LEVEL' },
    told: [/^state\.backend\.rocksdb\.compaction\.style has no effect: state\.backend\.type is segments/],
  },
  {
    given: { 'state.backend.type': 'rocksdb', 'state.backend.rocksdb.localdir': '/fast', 'io.tmp.dirs': '/tmp' },
    told: [/^io\.tmp\.dirs has no effect: state\.backend\.rocksdb\.localdir says/],
  },
  { given: { 'state.backend.type': 'rocksdb', 'io.tmp.dirs': '/tmp' }, told: [] },
  {
    given: { 'millrace.rest.enabled': 'false', 'rest.port': '8085', 'rest.bind-port': '8090' },
    told: [/^rest\.port, rest\.bind-port have no effect: millrace\.rest\.enabled is false/],
  },
  {
    given: { 'rest.port': '8085', 'rest.bind-port': '8090' },
    told: [/^rest\.port has no effect: rest\.bind-port says/],
  },
  {
    given: { 'restart-strategy.type': 'fixed-delay', 'restart-strategy.failure-rate.delay': '1 s' },
    told: [/^restart-strategy\.failure-rate\.delay has no effect: restart-strategy\.type is fixed-delay/],
  },
  { given: { 'restart-strategy.exponential-delay.max-backoff': '2 min' }, told: [] },
  {
    given: { 'restart-strategy.exponential-delay.max-backoff': '2 min', 'execution.checkpointing.interval': '0' },
    told: [/^restart-strategy\.exponential-delay\.max-backoff has no effect: restart-strategy\.type is none/],
  },
]

for (const { given, told } of cases) {
  test(`${JSON.stringify(given)}: ${told.length === 0 ? 'all is used' : 'something has no effect'}`, () => {
    const warnings = unusedSettings(parseConfig([{ source: 'test', pairs: given }]))
    assert.equal(warnings.length, told.length, warnings.join('\n'))
    for (const [index, pattern] of told.entries()) assert.match(warnings[index] ?? '', pattern)
  })
}
