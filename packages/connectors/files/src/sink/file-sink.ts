/** What the file sinks share: options and the assembly of folder preparation, writer and committer. A sink adds an encoder. */
import {
  checkChoice,
  checkOptions,
  checkText,
  invalidOption,
  type MemorySize,
  type PlainValue,
  parseMemorySizeBytes,
  type Sink,
} from '@millrace/api'
import type { CreatePartEncoder } from './part-encoder.ts'
import type { PartCommittable, PartWriterState } from './part-file.ts'
import { PartFileCommitter } from './part-file-committer.ts'
import { type PartFileOptions, PartFileWriter } from './part-file-writer.ts'
import { checkFolder, type ExistingParts, prepareFolder } from './prepare-folder.ts'

export interface FileSinkOptions {
  /** A part is closed when it has reached this size. Default `128 mb`. */
  readonly rollBytes?: MemorySize
  /**
   * Whether every checkpoint closes the part in progress, so that its records are visible once the checkpoint is
   * complete. Default true. With false a part grows over several checkpoints; savepoints and the end close it always.
   */
  readonly rollOnCheckpoint?: boolean
  /**
   * What a fresh run does when the folder holds finished parts of another run: `refuse` (default) fails with
   * `SINK_FOLDER_IN_USE`, `append` keeps them, `overwrite` removes them (files that are no parts are never touched).
   */
  readonly existing?: ExistingParts
  /** What part names begin with; not with `.` or `_`. Default `part`. */
  readonly prefix?: string
  /** What the names of finished parts end with. */
  readonly suffix?: string
}

export const FILE_SINK_OPTIONS = ['rollBytes', 'rollOnCheckpoint', 'existing', 'prefix', 'suffix'] as const

export type FileSink<T> = Sink<T, PartWriterState, PartCommittable>

export interface FileSinkSpec<T> {
  readonly kind: string
  /** The function that the user called, for messages. */
  readonly call: string
  readonly folder: string
  readonly options: FileSinkOptions
  readonly knownOptions: readonly string[]
  readonly suffixDefault: string
  /** What the plan shows besides the shared options. */
  readonly planOptions: Readonly<Record<string, PlainValue>>
  readonly createEncoder: CreatePartEncoder<T>
}

export function createFileSink<T>(spec: FileSinkSpec<T>): FileSink<T> {
  const { call, folder, options } = spec
  checkOptions(call, options, spec.knownOptions)
  if (checkText(call, 'folder', folder) === undefined) throw invalidOption(call, 'folder', folder, 'a path')
  const existing = checkChoice(call, 'existing', options.existing, ['refuse', 'append', 'overwrite']) ?? 'refuse'
  const { rollOnCheckpoint = true, prefix = 'part', suffix = spec.suffixDefault } = options
  if (typeof rollOnCheckpoint !== 'boolean') {
    throw invalidOption(call, 'rollOnCheckpoint', rollOnCheckpoint, 'true or false')
  }
  if (typeof prefix !== 'string' || !/^[^._/\\][^/\\]*$/.test(prefix)) {
    throw invalidOption(call, 'prefix', prefix, 'a text without "/" that begins with neither "." nor "_"')
  }
  if (typeof suffix !== 'string' || !/^([^0-9a-z/\\][^/\\]*)?$/.test(suffix)) {
    throw invalidOption(
      call,
      'suffix',
      suffix,
      'a text without "/" that begins with no small letter or digit, as ".csv"',
    )
  }
  const rollBytes = parseMemorySizeBytes(options.rollBytes ?? '128 mb')
  const part: PartFileOptions = { folder, prefix, suffix, rollBytes, rollOnCheckpoint }
  return {
    kind: spec.kind,
    options: { folder, existing, prefix, suffix, rollBytes, rollOnCheckpoint, ...spec.planOptions },
    guarantee: 'exactly-once',
    checkTarget: (context) => checkFolder(folder, prefix, existing, context),
    prepareTarget: (context) => prepareFolder(folder, prefix, existing, context),
    openWriter: (context, restored) => PartFileWriter.open(part, spec.createEncoder, context, restored),
    openCommitter: async (context) => new PartFileCommitter(context.files),
  }
}
