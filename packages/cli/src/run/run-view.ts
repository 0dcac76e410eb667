/**
 * How an attached run shows itself. One of three: drawn in place for a terminal, plain lines for a log, JSON lines for
 * a program. A view is told readings and events; it asks nothing.
 */
import type { PhysicalPlan } from '@millrace/core'
import type { CliEnvironment, TextOutput } from '../cli-environment.ts'
import { LiveView } from '../progress/live-view.ts'
import { ProgressMeter } from '../progress/progress-meter.ts'
import { renderProgress } from '../progress/render-progress.ts'
import { renderStatusLine } from '../progress/render-status-line.ts'
import { choosePaint, type Paint } from '../text/paint.ts'
import type { JobReading, RunEvent, RunResult } from './job-runner-port.ts'
import { renderEvent } from './render-event.ts'
import { renderSummary } from './render-summary.ts'
import { runResultJson } from './run-json.ts'

export interface RunView {
  /** How often it wants a reading. */
  readonly intervalMs: number
  onReading(reading: JobReading): void
  onEvent(event: RunEvent): void
  /** Lines for the user that belong to no event. */
  note(text: string): void
  /** Of a start that was refused there is no summary: its error says it all. */
  finish(result: RunResult): void
}

export function createRunView(plan: PhysicalPlan, json: boolean, environment: CliEnvironment): RunView {
  const { stdout, stderr, variables } = environment
  if (json) return new JsonRunView(plan, environment)
  const paint = choosePaint(stderr, variables)
  const summaryPaint = choosePaint(stdout, variables)
  return stderr.isTerminal && variables.TERM !== 'dumb'
    ? new TerminalRunView(plan, environment, paint, summaryPaint)
    : new LogRunView(plan, environment, paint, summaryPaint)
}

class TerminalRunView implements RunView {
  readonly intervalMs = 200
  readonly #plan: PhysicalPlan
  readonly #environment: CliEnvironment
  readonly #paint: Paint
  readonly #summaryPaint: Paint
  readonly #meter: ProgressMeter
  readonly #view: LiveView
  readonly #leaveOthers: () => void

  constructor(plan: PhysicalPlan, environment: CliEnvironment, paint: Paint, summaryPaint: Paint) {
    this.#plan = plan
    this.#environment = environment
    this.#paint = paint
    this.#summaryPaint = summaryPaint
    this.#meter = new ProgressMeter(plan)
    this.#view = new LiveView(environment.stderr)
    this.#leaveOthers = environment.stderr.aroundOthers(() => {
      const drawn = this.#view.erase()
      return drawn.length === 0 ? undefined : () => this.#view.draw(drawn)
    })
  }

  onReading(reading: JobReading): void {
    const { columns, rows } = this.#environment.stderr.size()
    // The cursor stands on the line below the drawing, and the last column makes some terminals wrap.
    this.#view.draw(
      renderProgress(this.#meter.measure(reading), columns - 1, { paint: this.#paint, linesMax: rows - 1 }),
    )
  }

  onEvent(event: RunEvent): void {
    if (event.kind === 'printed') {
      const drawn = this.#view.erase()
      writeLines(this.#environment.stdout, [event.line])
      this.#view.draw(drawn)
      return
    }
    const lines = renderEvent(event, this.#plan, this.#paint)
    if (lines.length > 0) this.#view.print(lines)
  }

  note(text: string): void {
    this.#view.print([text])
  }

  finish(result: RunResult): void {
    if (result.isRefused) this.#view.erase()
    else this.onReading(result.final)
    this.#leaveOthers()
    this.#view.close()
    if (result.isRefused) return
    const { stdout } = this.#environment
    const width = stdout.isTerminal ? stdout.size().columns : undefined
    writeLines(stdout, renderSummary(result, this.#plan, this.#summaryPaint, width))
  }
}

class LogRunView implements RunView {
  readonly intervalMs = 5_000
  readonly #plan: PhysicalPlan
  readonly #environment: CliEnvironment
  readonly #paint: Paint
  readonly #summaryPaint: Paint
  readonly #meter: ProgressMeter

  constructor(plan: PhysicalPlan, environment: CliEnvironment, paint: Paint, summaryPaint: Paint) {
    this.#plan = plan
    this.#environment = environment
    this.#paint = paint
    this.#summaryPaint = summaryPaint
    this.#meter = new ProgressMeter(plan)
  }

  onReading(reading: JobReading): void {
    writeLines(this.#environment.stderr, [renderStatusLine(this.#meter.measure(reading))])
  }

  onEvent(event: RunEvent): void {
    if (event.kind === 'printed') writeLines(this.#environment.stdout, [event.line])
    else writeLines(this.#environment.stderr, renderEvent(event, this.#plan, this.#paint))
  }

  note(text: string): void {
    writeLines(this.#environment.stderr, [text])
  }

  finish(result: RunResult): void {
    if (result.isRefused) return
    writeLines(this.#environment.stdout, renderSummary(result, this.#plan, this.#summaryPaint))
  }
}

class JsonRunView implements RunView {
  readonly intervalMs = 1_000
  readonly #plan: PhysicalPlan
  readonly #environment: CliEnvironment
  readonly #meter: ProgressMeter

  constructor(plan: PhysicalPlan, environment: CliEnvironment) {
    this.#plan = plan
    this.#environment = environment
    this.#meter = new ProgressMeter(plan)
  }

  onReading(reading: JobReading): void {
    this.#write({ ...this.#meter.measure(reading), kind: 'progress' })
  }

  onEvent(event: RunEvent): void {
    this.#write(event)
  }

  note(text: string): void {
    this.onEvent({ kind: 'message', atMs: this.#environment.now(), level: 'info', text })
  }

  finish(result: RunResult): void {
    this.#write(runResultJson(result, this.#plan))
  }

  #write(line: object): void {
    this.#environment.stdout.write(`${JSON.stringify(line)}\n`)
  }
}

function writeLines(output: TextOutput, lines: readonly string[]): void {
  if (lines.length > 0) output.write(`${lines.join('\n')}\n`)
}
