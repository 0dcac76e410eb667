/** A job of numbers whose sink remembers what was committed, and what is done to it and to its disk at certain moments. */
import {
  defineJob,
  type FileSystem,
  generator,
  type JobDefinition,
  type PlainValue,
  type Sink,
  type SinkTargetContext,
} from '@millrace/api'
import { FOLDER, memoryDisk } from './inline-job.ts'

export const NO_PERIODIC_CHECKPOINTS = { 'execution.checkpointing.interval': '1 h' }

/** Numbers into a sink that remembers what was committed, by checkpoint: a second commit changes nothing. */
export class Numbers {
  readonly #committed = new Map<number, readonly PlainValue[]>()
  /** Reasons for which the sink must not prepare, and the error; each once. */
  readonly refusals = new Map<string, Error>()
  checkTarget: () => Promise<void> = async () => {}
  beforePrepareTarget: (context: SinkTargetContext) => Promise<void> = async () => {}
  beforeCommit: () => Promise<void> = async () => {}
  commits = 0

  get committed(): readonly PlainValue[] {
    return [...this.#committed.values()].flat().sort((a, b) => Number(a) - Number(b))
  }

  job(records: number, perSecond = 2_000): JobDefinition {
    const sink: Sink<number> = {
      kind: 'numbers',
      options: {},
      guarantee: 'exactly-once',
      checkTarget: async () => this.checkTarget(),
      prepareTarget: async (context) => this.beforePrepareTarget(context),
      openWriter: async () => {
        let open: number[] = []
        return {
          write: (written) => void open.push(...written),
          prepare: async (id, reason) => {
            const refusal = this.refusals.get(reason)
            if (this.refusals.delete(reason)) throw refusal
            const part = { id, records: open }
            open = []
            return { states: [], committables: part.records.length === 0 ? [] : [part] }
          },
          close: async () => {},
        }
      },
      openCommitter: async () => ({
        commit: async (parts) => {
          this.commits++
          await this.beforeCommit()
          for (const part of parts) {
            const { id, records } = part as unknown as { id: number; records: number[] }
            this.#committed.set(id, records)
          }
        },
        close: async () => {},
      }),
    }
    return defineJob({
      name: 'numbers',
      build: (env) => {
        env
          .from(generator({ records, perSecond, generate: (index) => index }), { uid: 'numbers' })
          .to(sink, { uid: 'out' })
      },
    }) as JobDefinition
  }
}

export const upTo = (records: number): number[] => Array.from({ length: records }, (_, index) => index)

/** A disk on which `before` is done first, when a file is made or gets its final name. */
export function diskWith(before: (path: string) => Promise<void>): FileSystem {
  const disk = memoryDisk()
  return new Proxy(disk, {
    get(target, name) {
      if (name === 'rename') {
        return async (from: string, to: string) => {
          await before(to)
          await target.rename(from, to)
        }
      }
      if (name === 'create') {
        return async (...args: Parameters<FileSystem['create']>) => {
          await before(args[0])
          return target.create(...args)
        }
      }
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

export const isManifest = (path: string): boolean => path.endsWith('_metadata')
export const checkpointsOf = async (files: FileSystem): Promise<string[]> =>
  (await files.list(FOLDER)).map(({ name }) => name).filter((name) => name.startsWith('chk-'))
