/** What the scenarios of the simulation are made of. */
import { defineJob, type Env, type JobDefinition, type MemorySize, type Sink, type StepOptions } from '@millrace/api'
import { csvSink } from '@millrace/files'
import type { SeededRandom, UserCode } from '@millrace/testing'
import type { Rec } from './input.ts'
import type { Lines } from './oracle.ts'

export interface Scenario {
  readonly name: string
  readonly job: JobDefinition
  readonly files: ReadonlyMap<string, string>
  /** By output folder. */
  readonly expected: ReadonlyMap<string, Lines>
  /** From the output of a drained job: what it must be, for as much of the input as it shows to have been read. */
  readonly expectedOf?: (lines: Lines) => Lines
  /**
   * At-least-once: whether a line is the result of a part of the input. A sink may have read behind a barrier what a drain
   * made of it, and then the drain failed and the job went on.
   */
  readonly isOfPart?: (line: string) => boolean
  /**
   * At-least-once, of a drained job: what its output lacks of what it must give for the records that its sources have read, by split;
   * of others all. The output alone does not say which these are: records behind a barrier may have been shown, then given
   * up by a failure, and not read again before the drain.
   */
  readonly lackingOf?: (lines: Lines, read: ReadonlyMap<number, number>) => Lines
}

export interface Surroundings {
  readonly random: SeededRandom
  readonly userCode: UserCode
  readonly watermarkEvery: number
  /** Turns do much at once, so that there may be much to do. */
  readonly isHasty: boolean
}

export const OUT = '/out/main'
/** Beyond every record: reached at the end of the input only. */
export const FAR_MS = 9_000_000_000_000

/**
 * What of each split was read, of a job whose output shows every record: lines of which `of` gives split and number, or
 * nothing. Lines may come twice.
 */
export function readPrefixes(
  splits: readonly (readonly Rec[])[],
  lines: Lines,
  of: (columns: readonly string[]) => readonly [split: number, n: number] | undefined,
): Rec[][] {
  const counts = new Map<number, number>()
  for (const line of lines) {
    const [split, n] = of(line.split(',')) ?? []
    if (split !== undefined && n !== undefined) counts.set(split, Math.max(counts.get(split) ?? 0, n + 1))
  }
  return splits.map((records) => records.slice(0, counts.get(records[0]?.s ?? -1) ?? 0))
}

/** The records of each split that were read; of a split that is not named all. */
export function readRecords(
  splits: readonly (readonly Rec[])[],
  read: ReadonlyMap<number, number>,
): (readonly Rec[])[] {
  return splits.map((records) => records.slice(0, read.get(records[0]?.s ?? -1) ?? records.length))
}

export function jobOf(build: (env: Env) => void): JobDefinition {
  return defineJob({ name: 'simulated', build: (env) => build(env) }) as unknown as JobDefinition
}

export function failing<T>(userCode: UserCode, value: T): T {
  userCode.run()
  return value
}

export function drawWindow(random: SeededRandom): { sizeMs: number; slideMs: number } {
  const slideMs = random.pick([10, 25, 60])
  return { slideMs, sizeMs: slideMs * random.pick([1, 1, 2, 4]) }
}

/** Drawn once: the plan must be the same in every slot and after every restart. */
export function drawSteps(random: SeededRandom, uids: readonly string[]): StepOptions[] {
  return uids.map((uid) => ({
    uid,
    ...(random.chance(0.3) ? { parallelism: 1 + random.below(3) } : {}),
    ...(random.chance(0.3) ? { chain: random.pick(['never', 'head'] as const) } : {}),
    ...(random.chance(0.15) ? { slotSharingGroup: random.pick(['a', 'b']) } : {}),
  }))
}

/** `isMuch`: of so many lines small parts would be more than a checkpoint has time for, again after every restart. */
export function drawSink(
  random: SeededRandom,
  folder: string,
  columns: readonly string[],
  isMuch = false,
): Sink<object> {
  return csvSink(folder, {
    columns,
    rollOnCheckpoint: random.chance(0.5),
    rollBytes: random.pick<MemorySize>(isMuch ? ['1 kb', '1 mb'] : ['30 b', '300 b', '1 mb']),
  }) as unknown as Sink<object>
}
