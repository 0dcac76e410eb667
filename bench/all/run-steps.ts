/** Runs steps one after another as long as the time lasts. Each is a process group of its own, so that it can be stopped with all that it started. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import type { Command } from '../measured-process.ts'
import { decideNextStep, expectedMinutes, type Step, stepsLeft } from './plan.ts'
import type { StepFile } from './step-file.ts'

export interface StepsOptions {
  readonly steps: readonly Step[]
  readonly file: StepFile
  readonly minutes: number
  readonly rounds: number
  /** The command that writes the lines of a step into a file. */
  readonly commandOf: (step: Step, path: string) => Command
  readonly say: (text: string) => void
  /** What a step may take beyond four times what is expected. Default 5. */
  readonly overrunMinutes?: number
}

/** So many times what is expected a step may take: a side that hangs must not hold up the rest. */
const OVERRUN = 4
const OVERRUN_MINUTES = 5
const MS = 60_000

/** Whether all steps that were run ended well; what is left is said. */
export async function runSteps(options: StepsOptions): Promise<boolean> {
  const { steps, file, minutes, rounds, commandOf, say, overrunMinutes = OVERRUN_MINUTES } = options
  const endMs = performance.now() + minutes * MS
  let isFine = true
  for (;;) {
    const done = file.doneSteps()
    const step = decideNextStep(steps, done, rounds, (endMs - performance.now()) / MS)
    if (step === undefined) break
    const expected = expectedMinutes(step, steps, done, rounds)
    say(
      `\n=== ${step.name}, about ${expected.toFixed(0)} minutes, ${((endMs - performance.now()) / MS).toFixed(0)} are left`,
    )
    const beganMs = performance.now()
    // What was expected may be too little, after steps that were short.
    const limitMinutes = Math.max(expected, step.minutes) * OVERRUN + overrunMinutes
    const exitStatus = await runCommand(commandOf(step, file.partPath), limitMinutes * MS)
    file.finish({ step: step.name, minutes: (performance.now() - beganMs) / MS, exitStatus, rounds })
    if (exitStatus !== 0) {
      isFine = false
      say(exitStatus === null ? `=== ${step.name} took too long and was stopped` : `=== ${step.name} FAILS`)
    }
  }
  const done = file.doneSteps()
  const left = stepsLeft(steps, done)
  const leftMinutes = left.reduce((sum, step) => sum + expectedMinutes(step, steps, done, rounds), 0)
  say(
    left.length === 0
      ? '\nAll steps are done.'
      : `\n${left.length} steps are left, about ${leftMinutes.toFixed(0)} minutes: ${left.map(({ name }) => name).join(', ')}. Run it again to go on.`,
  )
  return isFine
}

/** Its exit status; null when it was stopped because it took too long. Whoever ends this process ends it too. */
async function runCommand({ command, args }: Command, limitMs: number): Promise<number | null> {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], detached: true })
  const stop = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
  }
  const onSignal = (): void => {
    stop()
    process.exit(1)
  }
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  const timer = setTimeout(stop, limitMs)
  try {
    const [status] = (await once(child, 'close')) as [number | null]
    return status
  } finally {
    clearTimeout(timer)
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}
