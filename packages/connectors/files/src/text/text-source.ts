/**
 * What the sources of text files share: options, listing, opening. A source is this plus a `TextFormat`.
 */
import {
  checkChoice,
  checkOptions,
  type EnumerateContext,
  invalidOption,
  type PlainValue,
  parseMemorySizeBytes,
  type ReaderContext,
  type Source,
  type SourceSplit,
} from '@millrace/api'
import { checkPaths, listInputFiles } from '../input/input-files.ts'
import { openInput } from '../input/open-input.ts'
import type { TextFormat } from './text-format.ts'
import { TextReader } from './text-reader.ts'
import type { TextPosition, TextSourceOptions } from './text-source-options.ts'

export const TEXT_SOURCE_OPTIONS = ['order', 'onError', 'lineBytesMax'] as const

export interface TextSourceSpec<T> {
  readonly kind: string
  /** The function that the user called, for messages. */
  readonly call: string
  readonly paths: string | readonly string[]
  readonly options: TextSourceOptions
  readonly knownOptions: readonly string[]
  /** What the plan shows besides the shared options. */
  readonly planOptions: Readonly<Record<string, PlainValue>>
  /** A format of its own for every reader: formats keep what they found last. */
  createFormat(): TextFormat<T>
}

const LINE_BYTES_MAX = '1 mb'
/** A record must fit a few times into the memory of a slot. */
const LINE_BYTES_LIMIT = 256 * 1024 * 1024

export function createTextSource<T>(spec: TextSourceSpec<T>): Source<T, TextPosition> {
  const { call, options } = spec
  checkOptions(call, options, spec.knownOptions)
  const paths = checkPaths(call, spec.paths)
  const order = checkChoice(call, 'order', options.order, ['name'])
  const onError = checkChoice(call, 'onError', options.onError, ['fail', 'skip', 'deadLetter']) ?? 'fail'
  const lineBytesMax = parseMemorySizeBytes(options.lineBytesMax ?? LINE_BYTES_MAX)
  if (lineBytesMax > LINE_BYTES_LIMIT) throw invalidOption(call, 'lineBytesMax', options.lineBytesMax, 'at most 256 mb')
  return {
    kind: spec.kind,
    options: { paths, ...(order === undefined ? {} : { order }), onError, lineBytesMax, ...spec.planOptions },
    boundedness: 'bounded',
    replayable: true,
    splitOrder: order === 'name' ? 'sequential' : 'interleaved',
    ...(onError === 'deadLetter' ? { sideOutputs: ['deadLetter'] } : {}),
    enumerate: (context: EnumerateContext) => listInputFiles(context.files, call, paths, order),
    async open(split: SourceSplit, position: TextPosition | undefined, context: ReaderContext) {
      const file = await openInput(context.files, split.payload as string)
      try {
        return await TextReader.open({
          file,
          format: spec.createFormat(),
          position: position ?? undefined,
          onError,
          lineBytesMax,
          count: (metric, increment) => context.count(metric, increment),
        })
      } catch (error) {
        await file.close()
        throw error
      }
    },
  }
}
