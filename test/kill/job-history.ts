/**
 * One history of the job: its folders, the processes that ran it one after the other, and what must hold of its output
 * at any time and at the end.
 */
import assert from 'node:assert/strict'
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { filesOf } from '@millrace/core'
import { bundleJob, FileCheckpointStorage, NodeFileSystem, type RestoreRequest } from '@millrace/runtime'
import { type Answer, computeAnswer } from './answer.ts'
import { GENERATED_ITEMS, LISTED_FILES, LISTED_ITEMS_PER_FILE, listedItem } from './items.ts'
import type { KillJobParams } from './job.ts'
import { JobProcess, type ProcessEnd } from './job-process.ts'
import type { SeededRandom } from './seeded-random.ts'
import { drawSurroundings } from './surroundings.ts'

export interface RunOptions {
  readonly parallelism?: number
  readonly configuration?: Readonly<Record<string, string>>
  readonly params?: Partial<KillJobParams>
  /** Default: `latest`, as `--resume`. */
  readonly restore?: RestoreRequest
  readonly stopAfter?: { readonly checkpoints: number; readonly savepointFolder: string }
  readonly killPoint?: string
}

export const RESUME: RestoreRequest = { kind: 'latest', discardNewer: false, allowNonRestoredState: false }
export const FRESH: RestoreRequest = { kind: 'none' }

/** SIGKILL loses nothing that was written, so memory serves as well as a disk, and its syncs cost nothing. */
const ROOT = isWritable('/dev/shm') ? '/dev/shm' : tmpdir()
const SINKS = ['windows', 'running'] as const
const JOB_FILE = fileURLToPath(new URL('job.ts', import.meta.url))
const answers = new Map<number, Answer>()
let bundle: Promise<{ readonly bundlePath: string }> | undefined

/** Small intervals and no inlining, so that every step of storing happens often. */
const CONFIGURATION: Readonly<Record<string, string>> = {
  'execution.checkpointing.interval': '30 ms',
  'state.storage.fs.memory-threshold': '1 b',
  'execution.buffer-timeout': '5 ms',
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '5',
  'restart-strategy.fixed-delay.delay': '10 ms',
}

export class JobHistory {
  readonly folder: string
  readonly generatedItems: number
  /** In which surroundings its processes ran, and how many. */
  readonly surroundings = new Map<string, number>()
  readonly #bundlePath: string
  readonly #random: SeededRandom | undefined
  /** How each process of it ended, for the message of a failed check. */
  readonly #story: string[] = []
  #checkpointFolder = 'checkpoints'

  private constructor(bundlePath: string, generatedItems: number, random: SeededRandom | undefined) {
    this.#bundlePath = bundlePath
    this.#random = random
    this.generatedItems = generatedItems
    this.folder = mkdtempSync(join(ROOT, 'millrace-kill-'))
    mkdirSync(join(this.folder, 'input'))
    mkdirSync(this.#localStore)
    for (let file = 0; file < LISTED_FILES; file++) {
      const lines = Array.from({ length: LISTED_ITEMS_PER_FILE }, (_, line) => {
        const { key, at, amount } = listedItem(file * LISTED_ITEMS_PER_FILE + line)
        return `${key},${at},${amount}\n`
      })
      writeFileSync(join(this.folder, 'input', `items-${file}.csv`), lines.join(''))
    }
  }

  /** With `random` each process has surroundings of its own. */
  static async create(generatedItems = GENERATED_ITEMS, random?: SeededRandom): Promise<JobHistory> {
    bundle ??= bundleJob(JOB_FILE)
    return new JobHistory((await bundle).bundlePath, generatedItems, random)
  }

  get #localStore(): string {
    return join(this.folder, 'local')
  }

  get checkpoints(): string {
    return join(this.folder, this.#checkpointFolder)
  }

  /** From now on its checkpoints are elsewhere; the folder before is removed. */
  startAnotherCheckpointFolder(): void {
    rmSync(this.checkpoints, { recursive: true })
    this.#checkpointFolder += '+'
  }

  outputOf(sink: (typeof SINKS)[number]): string {
    return join(this.folder, 'output', sink)
  }

  start(options: RunOptions = {}): JobProcess {
    const { parallelism = 1, killPoint } = options
    const drawn = this.#random === undefined ? undefined : drawSurroundings(this.#random)
    if (drawn !== undefined) this.surroundings.set(drawn.name, (this.surroundings.get(drawn.name) ?? 0) + 1)
    const process = new JobProcess({
      request: {
        bundlePath: this.#bundlePath,
        params: {
          input: join(this.folder, 'input'),
          output: join(this.folder, 'output'),
          generatedItems: this.generatedItems,
          perSecond: 5_000,
          existing: 'refuse',
          misbehaviour: null,
          ...options.params,
        },
        configuration: {
          ...CONFIGURATION,
          'execution.checkpointing.dir': this.checkpoints,
          'parallelism.default': String(parallelism),
          'io.tmp.dirs': this.#localStore,
          ...drawn?.configuration,
          ...options.configuration,
        },
        restore: options.restore ?? RESUME,
        stopAfter: options.stopAfter ?? null,
      },
      killPoint,
      folder: this.folder,
    })
    process.ended.then(
      ({ code, signal }) =>
        this.#story.push(
          `-- p=${parallelism} ${drawn?.name ?? ''} ${killPoint ?? ''} -> ${code ?? signal}\n${process.story()}`,
        ),
      () => {},
    )
    return process
  }

  run(options: RunOptions = {}): Promise<ProcessEnd> {
    return this.start(options).ended
  }

  /** Runs it without a kill until it has finished, and checks everything that must hold then. */
  async finish(options: RunOptions = {}): Promise<void> {
    const { code, outcome } = await this.run(options)
    assert.equal(`${code} ${outcome?.state}`, '0 FINISHED', this.story())
    await this.checkFinished()
  }

  async checkFinished(): Promise<void> {
    const answer = this.#answer()
    for (const sink of SINKS) assert.deepEqual(this.linesOf(sink), answer[sink], `${sink}\n${this.story()}`)
    for (const sink of SINKS) assert.deepEqual(this.temporariesOf(sink), [], this.story())
    // A process that is killed just when it makes a file of its local store leaves the name, and nothing in it.
    const left = namesIn(this.#localStore).filter((name) => statSync(join(this.#localStore, name)).size > 0)
    assert.deepEqual(left, [], this.story())
    await this.checkCheckpointFolder()
  }

  /** What is visible may be a part of the answer; nothing twice, nothing else. */
  checkVisible(): void {
    const answer = this.#answer()
    for (const sink of SINKS) {
      const left = new Map<string, number>()
      for (const line of answer[sink]) left.set(line, (left.get(line) ?? 0) + 1)
      for (const line of this.linesOf(sink)) {
        const more = left.get(line) ?? 0
        assert.ok(more > 0, `${sink} has "${line}" too often\n${this.story()}`)
        left.set(line, more - 1)
      }
    }
  }

  /** Nothing temporary is left, and no segment that no checkpoint names. */
  async checkCheckpointFolder(): Promise<void> {
    const listed = await new FileCheckpointStorage(new NodeFileSystem(), this.checkpoints).listCheckpoints()
    const manifests = listed.flatMap((each) => (each.state === 'whole' ? [each.manifest] : []))
    assert.equal(manifests.length, listed.length, `a damaged checkpoint\n${this.story()}`)
    const known = ['lineage', 'shared', ...listed.map(({ checkpointId }) => `chk-${checkpointId}`)]
    assert.deepEqual(readdirSync(this.checkpoints).sort(), known.sort(), this.story())
    const segments = readdirSync(join(this.checkpoints, 'shared')).map((name) => `shared/${name}`)
    assert.deepEqual(segments.sort(), [...filesOf(manifests)].sort(), this.story())
  }

  /** Whether a checkpoint holds records in flight, or did until it was given up. */
  get hasInFlight(): boolean {
    return namesIn(join(this.checkpoints, 'shared')).some((name) => name.includes('-in-flight'))
  }

  /** The lines of all finished parts, sorted. */
  linesOf(sink: (typeof SINKS)[number]): readonly string[] {
    const folder = this.outputOf(sink)
    const parts = namesIn(folder).filter((name) => !name.startsWith('.'))
    return parts
      .flatMap((name) =>
        readFileSync(join(folder, name), 'utf8')
          .split('\n')
          .filter((line) => line !== ''),
      )
      .sort()
  }

  temporariesOf(sink: (typeof SINKS)[number]): readonly string[] {
    return namesIn(this.outputOf(sink)).filter((name) => name.startsWith('.'))
  }

  /** Name, size and time of every file of output and checkpoints but the lock, to tell whether anything changed. */
  fingerprint(): readonly string[] {
    return ['output', this.#checkpointFolder].flatMap((top) =>
      readdirSync(join(this.folder, top), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name !== 'LOCK')
        .map(({ parentPath, name }) => {
          const path = join(parentPath, name)
          const { size, mtimeMs } = statSync(path)
          return `${path} ${size} ${mtimeMs}`
        })
        .sort(),
    )
  }

  story(): string {
    return this.#story.join('\n')
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  #answer(): Answer {
    const known = answers.get(this.generatedItems) ?? computeAnswer(this.generatedItems)
    answers.set(this.generatedItems, known)
    return known
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
