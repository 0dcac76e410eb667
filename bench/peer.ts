/** Who is compared: Millrace itself and its peers, each as the commands that run a workload or its generator alone. */
import { CONFIG_OPTIONS } from '@millrace/core'
import { type Command, nodeCommand } from './measured-process.ts'
// biome-ignore lint/correctness/useImportExtensions: build.d.mts has its types only
import { flinkPeer } from './peers/flink/build.mjs'
// biome-ignore lint/correctness/useImportExtensions: maven-peer.d.mts has its types only
import { type MavenPeer, missingForMaven } from './peers/java/maven-peer.mjs'
// biome-ignore lint/correctness/useImportExtensions: build.d.mts has its types only
import { jetPeer } from './peers/jet/build.mjs'
import { LOOPS } from './peers/loop/loop.ts'
import { RXJS_PIPELINES } from './peers/rxjs/pipeline.ts'
import { CHANGE_KEYS } from './shapes/generator/change-generator.ts'
import type { Workload, WorkloadSettings } from './workload.ts'

export type PeerName = 'millrace' | 'millrace-rocksdb' | 'loop' | 'loop-typed' | 'rxjs' | 'flink' | 'flink-sql' | 'jet'

export interface Peer {
  readonly name: PeerName
  /** Peers with the same one have the same generator. */
  readonly language: 'typescript' | 'java' | 'java-sql'
  has(workload: Workload): boolean
  /** The parallelism that it runs at when this one is asked for. */
  parallelismOf(parallelism: number): number
  command(workload: Workload, settings: WorkloadSettings): Command
  generatorCommand(workload: Workload, settings: WorkloadSettings): Command
}

/** What `--peers` takes, and which sides that gives. */
export const PEER_GROUPS: Readonly<Record<string, readonly Peer[]>> = {
  loop: [loop('loop'), loop('loop-typed')],
  rxjs: [rxjs()],
  flink: [flink('flink')],
  'flink-sql': [flink('flink-sql')],
  jet: [jet()],
  rocksdb: [millraceOn('millrace-rocksdb', 'rocksdb', (shape) => shape === 'large-state')],
}

/** Why the peers of a group cannot run here; undefined when they can. */
export function missingFor(group: string): string | undefined {
  if (group === 'rocksdb') {
    const backends: readonly string[] = CONFIG_OPTIONS['state.backend.type'].choices
    return backends.includes('rocksdb') ? undefined : 'a Millrace that has a RocksDB backend'
  }
  return group === 'jet' || group.startsWith('flink') ? missingForMaven() : undefined
}

/** Above, state of the JVM's peers has no room in their usual heap. */
const HEAP_KEYS = 2_000_000
const LARGE_HEAP = '8g'

export const MILLRACE: Peer = millraceOn('millrace', 'segments', () => true)

/** What a key and its value of the shape large-state are, without what a store adds. */
const ENTRY_BYTES = 72
/** So many times its memory is the state of the shape large-state. */
const STATE_TO_MEMORY = 5
/** With less Flink's RocksDB would write a file for every few entries. */
const STATE_MEMORY_BYTES_MIN = 28_000_000

/** What the backend of the shape large-state may use of memory in each slot, Millrace's and Flink's alike. */
export function stateMemoryBytes({ keys = CHANGE_KEYS, parallelism }: WorkloadSettings): number {
  return Math.max(STATE_MEMORY_BYTES_MIN, Math.ceil((keys * ENTRY_BYTES) / STATE_TO_MEMORY / parallelism))
}

/** `backend`: of the shape large-state; the others have that of the configuration. */
function millraceOn(name: PeerName, backend: string, has: (name: string) => boolean): Peer {
  return {
    name,
    language: 'typescript',
    has: (workload) => has(workload.name),
    parallelismOf: (parallelism) => parallelism,
    command: ({ kind, name: workload }, settings) =>
      nodeCommand('./run-job.ts', [
        kind === 'query' ? `./nexmark/queries/${workload}.ts` : `./shapes/jobs/${workload}.ts`,
        ...paramsOf(settings),
        `splits=${settings.parallelism}`,
        `parallelism.default=${settings.parallelism}`,
        ...(settings.checkpointIntervalMs === undefined
          ? []
          : [`execution.checkpointing.interval=${settings.checkpointIntervalMs} ms`]),
        ...(workload === 'large-state'
          ? [
              `state.backend.type=${backend}`,
              `taskmanager.memory.managed.size=${stateMemoryBytes(settings)} b`,
              'execution.checkpointing.incremental=true',
            ]
          : []),
      ]),
    generatorCommand: generateInTypeScript,
  }
}

function loop(name: 'loop' | 'loop-typed'): Peer {
  return ofOneThread(name, './peers/loop/run-loop.ts', [name], (shape) => LOOPS[shape]?.[name] !== undefined)
}

function rxjs(): Peer {
  return ofOneThread('rxjs', './peers/rxjs/run-rxjs.ts', [], (shape) => RXJS_PIPELINES[shape] !== undefined)
}

function ofOneThread(
  name: PeerName,
  file: string,
  words: readonly string[],
  hasShape: (shape: string) => boolean,
): Peer {
  return {
    name,
    language: 'typescript',
    has: ({ kind, name: shape }) => kind === 'shape' && hasShape(shape),
    parallelismOf: () => 1,
    command: ({ name: shape }, settings) => nodeCommand(file, [...words, shape, ...paramsOf(settings)]),
    generatorCommand: generateInTypeScript,
  }
}

function flink(name: 'flink' | 'flink-sql'): Peer {
  const api = name === 'flink' ? 'datastream' : 'sql'
  return {
    name,
    language: name === 'flink' ? 'java' : 'java-sql',
    has: (workload) => name === 'flink' || !['exchange', 'wide', 'large-state'].includes(workload.name),
    parallelismOf: (parallelism) => parallelism,
    command: (workload, settings) => javaRun(flinkPeer, workload, settings, ['--api', api]),
    generatorCommand: (workload, settings) =>
      javaRun(flinkPeer, workload, settings, ['--api', api, '--case', 'generator']),
  }
}

function jet(): Peer {
  return {
    name: 'jet',
    language: 'java',
    has: ({ kind, name }) => kind === 'shape' && !['exchange', 'wide', 'large-state'].includes(name),
    parallelismOf: (parallelism) => parallelism,
    command: (workload, settings) => javaRun(jetPeer, workload, settings, []),
    generatorCommand: (workload, settings) => javaRun(jetPeer, workload, settings, ['--case', 'generator']),
  }
}

function generateInTypeScript({ kind, name }: Workload, settings: WorkloadSettings): Command {
  return nodeCommand('./peers/loop/run-loop.ts', ['generator', kind === 'query' ? '-' : name, ...paramsOf(settings)])
}

function javaRun(
  peer: MavenPeer,
  { kind, name }: Workload,
  settings: WorkloadSettings,
  more: readonly string[],
): Command {
  const isOnDisk = name === 'large-state'
  const { command, args } = peer.command({
    heap: !isOnDisk && (settings.keys ?? 0) > HEAP_KEYS ? LARGE_HEAP : undefined,
  })
  const { eventsPerSecond, sizeMs, slideMs, checkpointIntervalMs, ...others } = settings
  const given = {
    [kind]: name,
    ...others,
    'events-per-second': eventsPerSecond,
    'size-ms': sizeMs,
    'slide-ms': slideMs,
    'checkpoint-interval-ms': checkpointIntervalMs,
  }
  const words = wordsOf(given).flatMap(([key, value]) => [`--${key}`, value])
  const configuration = isOnDisk ? rocksdbOfFlink(settings) : []
  return { command, args: [...args, ...words, ...configuration.flatMap((pair) => ['--config', pair]), ...more] }
}

/** Managed memory is that of a task manager, whose slots share it; a local job of Flink has one. */
function rocksdbOfFlink(settings: WorkloadSettings): readonly string[] {
  return [
    'state.backend.type=rocksdb',
    'execution.checkpointing.incremental=true',
    `taskmanager.memory.managed.size=${stateMemoryBytes(settings) * settings.parallelism} b`,
  ]
}

function paramsOf({ parallelism: _, checkpointIntervalMs: __, ...params }: WorkloadSettings): readonly string[] {
  return wordsOf(params).map(([key, value]) => `${key}=${value}`)
}

function wordsOf(given: Readonly<Record<string, string | number | undefined>>): readonly [string, string][] {
  return Object.entries(given).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, `${value}`] as [string, string]],
  )
}
