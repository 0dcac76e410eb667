/**
 * The file of a long measurement: the lines of each finished step behind one another, with a line for the step at their end. A step writes beside
 * the file until it is over, so what is broken off leaves nothing in it. A file is of one commit.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DoneStep } from './plan.ts'

export class StepFile {
  readonly #path: string
  readonly partPath: string

  constructor(path: string) {
    this.#path = path
    this.partPath = `${path}.part`
    mkdirSync(dirname(path), { recursive: true })
    rmSync(this.partPath, { force: true })
  }

  doneSteps(): readonly DoneStep[] {
    return this.#lines().filter((line): line is DoneStep => 'step' in line)
  }

  /** Of the first session; undefined when there is none. Null: it was measured outside of a clone. */
  commit(): string | null | undefined {
    const about = this.#lines().find((line): line is { commit: string | null } => 'about' in line)
    return about?.commit
  }

  /** Takes what the step wrote, also when it failed or was stopped. */
  finish(step: DoneStep): void {
    const written = existsSync(this.partPath) ? readFileSync(this.partPath, 'utf8') : ''
    appendFileSync(this.#path, `${written}${JSON.stringify(step)}\n`)
    rmSync(this.partPath, { force: true })
  }

  #lines(): readonly object[] {
    if (!existsSync(this.#path)) return []
    return readFileSync(this.#path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as object)
  }
}
