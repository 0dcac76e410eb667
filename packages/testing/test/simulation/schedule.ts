/** One schedule: everything about it is drawn from its seed; runs it and checks what must hold. */
import assert from 'node:assert/strict'
import type { ErrorData, FileSystem } from '@millrace/api'
import type { CheckpointManifest } from '@millrace/core'
import type { OrderedStore, RestoreRequest } from '@millrace/runtime'
import {
  drawFaultPlan,
  drawPreferences,
  FAULT_KINDS,
  FAULTS_WITHOUT_CHECKPOINTS,
  type FaultKind,
  type InspectedMoment,
  isDamage,
  SeededRandom,
  Simulation,
  type SimulationEnd,
  STATE_BACKENDS,
  UserCode,
} from '@millrace/testing'
import { drawConfiguration, drawExchanges, drawRetention, MODES, type Mode } from './draw-configuration.ts'
import {
  type Contents,
  checkCovered,
  checkLines,
  checkManifests,
  checkSavepoint,
  compareLines,
  contentsOf,
  continuationsIn,
  countCheckpoints,
  deadSegments,
  finishedLines,
  halfSavepoints,
  isUntouched,
  recordsRead,
  temporaryFiles,
} from './inspection.ts'
import type { Scenario } from './scenario-parts.ts'
import { drawScenario } from './scenarios.ts'

export interface ScheduleResult {
  readonly seed: number
  readonly scenario: string
  readonly actions: number
  /** Equal for equal runs. */
  readonly hash: number
  readonly counts: ReadonlyMap<string, number>
}

/**
 * Throws with the seed and the last actions when anything is not as it must be. Without a `database` no state is kept in RocksDB.
 */
export async function runSchedule(seed: number, database: OrderedStore | undefined): Promise<ScheduleResult> {
  const run = new Schedule(seed, database)
  try {
    await run.run()
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}\n${run.describe()}`, {
      cause: error,
    })
  }
  const { log } = run.simulation
  return { seed, scenario: run.scenario.name, actions: log.total, hash: log.hash, counts: log.counts }
}

type Backend = (typeof STATE_BACKENDS)[number]

interface PromisedSavepoint {
  readonly checkpointId: number
  /** One that was drained is read on from, and what fired at the drain is not what would have fired later. */
  readonly isFinal: boolean
  /**
   * The job went back to before it, and the output that it follows is gone: who restored it would go on behind a gap. `perhaps`: it
   * was about to, or nobody knows how far it went.
   */
  isGivenUp: 'no' | 'perhaps' | 'yes'
}

export class Schedule {
  readonly simulation: Simulation
  readonly scenario: Scenario
  readonly #seed: number
  readonly #random: SeededRandom
  readonly #mode: Mode
  readonly #configuration: Readonly<Record<string, string>>
  #lastParallelism = 0
  /** Newer checkpoints and their output are being given up: for a moment the output is ahead. */
  #rewinding: RestoreRequest | undefined
  #newestCompleted = 0
  readonly #backends: readonly Backend[]
  /** Of one process: all tasks alike, or each as it comes. What one has written is restored by the others. */
  #backend: Backend | 'mixed' = 'mixed'
  /** The start that is under way is from a savepoint of a future that was given up: it must be refused. */
  #toBeRefused: string | undefined
  /** That somebody was promised and that nothing may touch, by folder. */
  readonly #savepoints = new Map<string, PromisedSavepoint>()

  constructor(seed: number, database: OrderedStore | undefined) {
    this.#seed = seed
    this.#backends = STATE_BACKENDS.filter((type) => type !== 'rocksdb' || database !== undefined)
    const random = new SeededRandom(seed)
    this.#random = random
    const userCode = new UserCode()
    const watermarkEvery = random.pick([1, 4, 17, 50])
    const unitsMax = random.pick([2, 10, 60, 1_000])
    this.#mode = random.pick(MODES)
    this.scenario = drawScenario({ random, userCode, watermarkEvery, isHasty: unitsMax > 10 }, this.#mode)
    const faults = drawFaultPlan(random, this.#mode === 'none' ? FAULTS_WITHOUT_CHECKPOINTS : this.#faultKinds)
    this.#configuration = { ...drawConfiguration(random, this.#mode), ...drawRetention(random, faults.kinds) }
    this.simulation = new Simulation({
      random,
      job: this.scenario.job,
      userCode,
      checkpointFolder: '/ckpt',
      savepointFolder: '/savepoints',
      faults,
      preferences: drawPreferences(random),
      sizes: {
        turnUnits: () => 1 + random.below(unitsMax),
        watermarkEveryRecords: watermarkEvery,
        combinedKeysMax: random.pick([1, 3, 1_000]),
      },
      keptActions: Number(process.env.MILLRACE_SIM_ACTIONS ?? 60),
      encodeStepEntries: random.pick([1, 4, 128]),
      // Mostly so little that segments have continuations and are written while others are encoded.
      snapshotBytesMax: random.pick([2_000, 6_000, 20_000, 1_000_000]),
      storeSizes: {
        cacheBytes: random.pick([0, 2_048, 8_192, 1_000_000]),
        fileBytes: random.pick([1_024, 4_096, 65_536]),
      },
      database,
      chooseBackend: () => {
        if (this.#backend !== 'mixed') return this.#backend
        return random.pick(this.#backends)
      },
      configuration: () => this.#drawProcess(),
      chooseRestore: (latest, error) => this.#chooseRestore(latest, error),
      isExpected: ({ code }) => this.#toBeRefused !== undefined && code === 'CHECKPOINT_OTHER_JOB',
      inspect: (moment) => this.#inspect(moment),
      onCompletedCheckpoint: (id) => this.#onCompleted(id),
      onSavepoint: (path) => {
        const { checkpointId, isFinal } = checkSavepoint(contentsOf(this.simulation.disk), path)
        this.#savepoints.set(path, { checkpointId, isFinal, isGivenUp: 'no' })
      },
    })
  }

  /** What a drained job gives depends on where its input stood, which not every scenario can tell from its output. */
  get #faultKinds(): readonly FaultKind[] {
    return FAULT_KINDS.filter((kind) => kind !== 'drain-stop' || this.scenario.expectedOf !== undefined)
  }

  async run(): Promise<void> {
    await this.simulation.prepare((files) => writeInputs(files, this.scenario.files))
    const end = await this.simulation.run()
    this.#checkEnd(end)
  }

  describe(): string {
    const { log } = this.simulation
    const settings = Object.entries(this.#configuration).map(([key, value]) => `${key}=${value}`)
    return [
      `scenario ${this.scenario.name}, ${this.#mode}; ${settings.join(' ')}`,
      `the last of ${log.total} actions:`,
      ...log.recent.map((line) => `  ${line}`),
      ...this.simulation.describeTasks(),
      `again: MILLRACE_SIM_SEED=${this.#seed} npm test -- simulation`,
    ].join('\n')
  }

  #drawProcess(): Readonly<Record<string, string>> {
    this.#backend = this.#random.pick<Backend | 'mixed'>([...this.#backends, ...this.#backends, 'mixed'])
    const parallelism = 1 + this.#random.below(3)
    if (this.#lastParallelism !== 0 && this.#lastParallelism !== parallelism) this.simulation.log.add('rescaled')
    this.#lastParallelism = parallelism
    return {
      ...this.#configuration,
      ...drawExchanges(this.#random, this.#mode, this.#configuration),
      'parallelism.default': String(parallelism),
    }
  }

  /** Mostly the newest checkpoint; sometimes an older one, giving up what came after it. */
  #chooseRestore(latest: RestoreRequest, error: ErrorData | undefined): RestoreRequest | undefined {
    if (this.#toBeRefused !== undefined && error?.code === 'CHECKPOINT_OTHER_JOB') this.simulation.log.add('refused')
    this.#toBeRefused = undefined
    if (error !== undefined && isDamage(error) && this.#damaged.size > 0) return this.#chooseAfterDamage(error)
    // A user whose command was interrupted gives it again.
    if (this.#rewinding !== undefined) return this.#rewinding
    const givenUp = [...this.#savepoints].flatMap(([path, { isGivenUp }]) => (isGivenUp === 'yes' ? [path] : []))
    if (givenUp.length > 0 && this.#random.chance(0.7)) {
      const path = this.#random.pick(givenUp)
      this.#toBeRefused = path
      return { kind: 'path', path, claimMode: 'NO_CLAIM', discardNewer: true, allowNonRestoredState: false }
    }
    const newest = this.#manifests().at(-1)
    if (newest !== undefined && continuationsIn(newest) > 0) this.simulation.log.add('restored-continued')
    const chance = this.#restorableSavepoints.length > 0 ? 0.8 : 0.3
    const named = this.#random.chance(chance) ? this.#chooseNamed() : undefined
    return named === undefined ? latest : this.#rewindTo(named, this.#random.pick(['NO_CLAIM', 'CLAIM'] as const))
  }

  /** As a user would: back to the newest that is whole; where none is, to a savepoint; `undefined`: there is none either. */
  #chooseAfterDamage(error: ErrorData): RestoreRequest | undefined {
    if (this.#rewinding?.kind === 'newest-whole' && error.message.startsWith('No checkpoint in')) {
      // What cannot be read now may be later.
      if (JSON.stringify(error).includes('injected')) return this.#rewinding
      const contents = contentsOf(this.simulation.disk)
      const path = this.#restorableSavepoints.at(-1)
      return path === undefined ? undefined : this.#rewindTo({ ...checkSavepoint(contents, path), path }, 'NO_CLAIM')
    }
    const newest = this.#manifests().findLast((manifest) => isUntouched(manifest, this.#damaged))
    if (newest !== undefined) this.#giveUpAfter(newest.checkpointId)
    // Numbers of what is given up may come again.
    this.#newestCompleted = newest?.checkpointId ?? 0
    this.simulation.log.add('rewound:newest-whole')
    this.#rewinding = { kind: 'newest-whole', discardNewer: true, allowNonRestoredState: false }
    return this.#rewinding
  }

  #rewindTo(
    { kind, checkpointId, path }: CheckpointManifest & { readonly path: string },
    claimMode: 'NO_CLAIM' | 'CLAIM',
  ): RestoreRequest {
    this.simulation.log.add(kind === 'savepoint' ? 'rewound:savepoint' : 'rewound', `${checkpointId} ${claimMode}`)
    this.simulation.log.add(`claim-mode:${claimMode}`)
    this.#newestCompleted = checkpointId
    this.#giveUpAfter(checkpointId)
    // From then on it is the job's.
    if (claimMode === 'CLAIM') this.#savepoints.delete(path)
    this.#rewinding = { kind: 'path', path, claimMode, discardNewer: true, allowNonRestoredState: false }
    return this.#rewinding
  }

  /** Another future is to begin behind this checkpoint: savepoints of the one before stay whole, and lead nowhere. */
  #giveUpAfter(checkpointId: number): void {
    for (const savepoint of this.#savepoints.values()) {
      if (savepoint.checkpointId > checkpointId && savepoint.isGivenUp === 'no') savepoint.isGivenUp = 'perhaps'
    }
  }

  /** It has begun, behind the checkpoint that was named; all these savepoints are from before. */
  #gaveUpAfter(checkpointId: number): void {
    for (const savepoint of this.#savepoints.values()) {
      if (savepoint.checkpointId <= checkpointId) continue
      savepoint.isGivenUp = 'yes'
      this.simulation.log.add('given-up')
    }
  }

  /** An older checkpoint of the folder, or a savepoint. */
  #chooseNamed(): (CheckpointManifest & { readonly path: string }) | undefined {
    const paths = this.#restorableSavepoints
    if (paths.length > 0 && this.#random.chance(0.7)) {
      // Mostly the first one: there is the most to give up behind it.
      const path = this.#random.chance(0.5) ? (paths[0] as string) : this.#random.pick(paths)
      return { ...checkSavepoint(contentsOf(this.simulation.disk), path), path }
    }
    const older = this.#manifests().at(-2)
    return older === undefined ? undefined : { ...older, path: `/ckpt/chk-${older.checkpointId}` }
  }

  /** By path, oldest first. */
  get #restorableSavepoints(): readonly string[] {
    const all = [...this.#savepoints]
    return all.filter(([, { isFinal, isGivenUp }]) => !isFinal && isGivenUp === 'no').map(([path]) => path)
  }

  get #damaged(): ReadonlySet<string> {
    return this.simulation.damagedFiles
  }

  #manifests(): readonly CheckpointManifest[] {
    return checkManifests(contentsOf(this.simulation.disk), this.#damaged)
  }

  #onCompleted(id: number): void {
    assert.equal(this.#toBeRefused, undefined, 'the job goes on from a savepoint of a future that was given up')
    // Until now that is what the job went back to.
    if (this.#rewinding?.kind === 'path') this.#gaveUpAfter(this.#newestCompleted)
    this.#rewinding = undefined
    if (this.#mode === 'none') return
    assert.ok(id > this.#newestCompleted, `checkpoint ${id} was completed after ${this.#newestCompleted}`)
    this.#newestCompleted = id
    const manifest = this.#manifests().find(({ checkpointId }) => checkpointId === id)
    const continuations = manifest === undefined ? 0 : continuationsIn(manifest)
    if (continuations > 0) this.simulation.log.add('continued', `${id}: ${continuations} segments`)
  }

  #inspect(moment: InspectedMoment): void {
    if (this.#mode === 'none') return
    const contents = contentsOf(this.simulation.disk)
    if (this.#rewinding === undefined) checkCovered(contents)
    if (moment === 'suspended') this.#checkSuspended()
    else if (moment === 'crashed') {
      const manifests = checkManifests(contents, this.#damaged)
      const isStoring = this.#damaged.size === 0 && deadSegments(contents, manifests).length > 0
      if (isStoring) this.simulation.log.add('crashed-while-storing')
    }
    // While a checkpoint is damaged nothing that it may name is removed.
    else if (this.simulation.isRetentionSettled && this.#damaged.size === 0) this.#checkRetention(contents)
  }

  /** The next process is to go on from the newest checkpoint, whatever retention says of jobs that are cancelled. */
  #checkSuspended(): void {
    if (this.#rewinding !== undefined || this.#newestCompleted === 0 || this.#damaged.size > 0) return
    const newest = this.#manifests().at(-1)?.checkpointId ?? 0
    assert.ok(newest >= this.#newestCompleted, `a suspended job has ${newest} and no ${this.#newestCompleted} any more`)
  }

  /** Beyond those that are to be kept there is only what pending checkpoints may build on, and what was just completed. */
  #checkRetention(contents: Contents): void {
    this.simulation.log.add('retention-checked')
    const most =
      Number(this.#configuration['execution.checkpointing.num-retained']) +
      Number(this.#configuration['execution.checkpointing.max-concurrent-checkpoints']) +
      1
    const kept = countCheckpoints(contents)
    assert.ok(kept <= most, `${kept} checkpoints are on the disk of a running job, and it may keep ${most}`)
  }

  #checkEnd({ state, error, faultsInLastProcess }: SimulationEnd): void {
    const contents = contentsOf(this.simulation.disk)
    const isDrained = this.#isDrained
    if (isDrained) this.simulation.log.add('drained')
    for (const [folder, whole] of this.scenario.expected) {
      const actual = finishedLines(contents, folder)
      const expected = isDrained ? (this.scenario.expectedOf?.(actual) ?? whole) : whole
      const { missing, surplus } = compareLines(actual, expected)
      const mayRepeat = this.#mode === 'at-least-once'
      const known = new Set(mayRepeat ? whole : expected)
      const wrong = mayRepeat ? surplus.filter((line) => !known.has(line) && !this.#mayBeOfPart(line)) : surplus
      if (state === 'FAILED') {
        // Without checkpoints a job may end between two commits, and without one that is whole it cannot go on: what is there
        // is right, and not all of it.
        const isBeyondRepair = error !== undefined && isDamage(error) && this.#damaged.size > 0
        const isExplained = (this.#mode === 'none' && faultsInLastProcess > 0) || isBeyondRepair
        assert.ok(isExplained, `the job failed: ${error?.code} ${error?.message}`)
        // A final checkpoint of a drained job may be among what is damaged.
        const drained = isBeyondRepair ? new Set(this.scenario.expectedOf?.(actual)) : new Set()
        if (wrong.every((line) => drained.has(line))) continue
        assert.deepEqual(wrong, [], 'lines that nobody expects')
      } else if (mayRepeat) {
        assert.deepEqual(isDrained ? this.#lackingOf(actual) : missing, [], 'lines are missing')
        assert.deepEqual(wrong, [], 'lines that nobody expects, not even twice')
        if (surplus.length > 0) this.simulation.log.add('repeated-lines')
      } else checkLines(actual, expected, folder)
    }
    if (state === 'FAILED') return
    assert.deepEqual(temporaryFiles(contents), [], 'temporary files are left')
    assert.equal(contents.has('/ckpt/LOCK'), false, 'the lock is left')
    if (this.#mode === 'none') return
    for (const path of this.#savepoints.keys()) checkSavepoint(contents, path)
    const manifests = this.#manifests()
    const isFinalHidden = [...this.#damaged].some((path) => path.endsWith('/_metadata'))
    assert.ok(manifests.at(-1)?.isFinal === true || isFinalHidden, 'the newest checkpoint is the final one')
    checkCovered(contents)
    if (faultsInLastProcess > 0 || this.#damaged.size > 0) return
    const retained = Number(this.#configuration['execution.checkpointing.num-retained'])
    // One that the schedule went back to by its name is kept beside them.
    const lineage = Buffer.from(contents.get('/ckpt/lineage') ?? []).toString()
    const named = lineage.includes('"claimMode"') ? Number.NaN : Number(/"checkpointId":(\d+)/.exec(lineage)?.[1])
    const claimed = manifests.filter(({ checkpointId }) => checkpointId !== named)
    assert.ok(claimed.length <= retained, `${claimed.length} checkpoints are kept instead of ${retained}`)
    assert.deepEqual(deadSegments(contents, manifests), [], 'segments are left that no checkpoint names')
    assert.deepEqual(halfSavepoints(contents), [], 'half a savepoint is left')
  }

  #lackingOf(lines: readonly string[]): readonly string[] {
    const final = this.#manifests().at(-1)
    const read = final === undefined ? undefined : recordsRead(final)
    if (read === undefined) return []
    this.simulation.log.add('drained-at-least-once')
    return this.scenario.lackingOf?.(lines, read) ?? []
  }

  #mayBeOfPart(line: string): boolean {
    return this.simulation.log.counts.has('fault:drain-stop') && this.scenario.isOfPart?.(line) === true
  }

  /** The final checkpoint still holds splits: their input was ended before it was read. */
  get #isDrained(): boolean {
    const newest = this.#mode === 'none' ? undefined : this.#manifests().at(-1)
    if (newest?.isFinal !== true) return false
    return newest.operators.some(({ uid, entries }) => uid.startsWith('src') && entries.length > 0)
  }
}

async function writeInputs(files: FileSystem, inputs: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of inputs) {
    const folder = path.slice(0, path.lastIndexOf('/'))
    await files.makeFolder(folder)
    const file = await files.create(path)
    await file.write(new TextEncoder().encode(text))
    await file.sync()
    await file.close()
    await files.syncFolder(folder)
  }
  await files.makeFolder('/in')
  await files.syncFolder('/in')
  await files.syncFolder('/')
}
