/** Runs the job of the golden savepoints by the command, each time in folders of its own. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cleanEnv, root, run } from '../packaging/commands.ts'

export const SAVEPOINTS = join(import.meta.dirname, 'savepoints')
const COMMAND = join(root, 'packages/millrace/bin/millrace.mjs')
const OUTPUTS = ['everything', 'sliding', 'tumbling', 'running', 'reduced']

export class GoldenRuns {
  readonly folder: string
  #runs = 0

  constructor() {
    // Inside the repository, so that imports are found; a name that every tool leaves out.
    mkdirSync(join(root, '.millrace'), { recursive: true })
    this.folder = mkdtempSync(join(root, '.millrace', 'golden-'))
    copyFileSync(join(import.meta.dirname, 'golden.job.ts'), join(this.folder, 'job.ts'))
  }

  /** What the job puts out, line by line, sorted: from the beginning, or from a savepoint. */
  async output(parallelism: number, savepoint?: string): Promise<readonly string[]> {
    const folder = await this.#run(parallelism, savepoint === undefined ? [] : ['-s', savepoint])
    return OUTPUTS.flatMap((name) => {
      const parts = join(folder, 'out', name)
      const files = readdirSync(parts).filter((file) => !file.startsWith('.'))
      const lines = files.flatMap((file) => readFileSync(join(parts, file), 'utf8').split('\n'))
      return lines.filter((line) => line !== '').map((line) => `${name} ${line}`)
    }).sort()
  }

  /** Stops the job with a savepoint after its second checkpoint. */
  async savepoint(path: string): Promise<void> {
    const stop = ['--stop-after-checkpoint', '2', '--savepoint', path]
    const settings = [
      'pipeline.max-parallelism=4',
      'execution.checkpointing.interval=200ms',
      // Some segments in the manifest, some in the file.
      'state.storage.fs.memory-threshold=1kb',
    ]
    await this.#run(2, [...stop, ...settings.flatMap((setting) => ['-D', setting])])
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #run(parallelism: number, options: readonly string[]): Promise<string> {
    const folder = join(this.folder, `run-${this.#runs++}`)
    mkdirSync(folder)
    const job = join(this.folder, 'job.ts')
    const args = [COMMAND, 'run', job, '-p', String(parallelism), ...options, '--', '--output', join(folder, 'out')]
    const { status, stdout, stderr } = await run(process.execPath, args, { cwd: folder, env: cleanEnv() })
    assert.equal(status, 0, `${stdout}\n${stderr}`)
    return folder
  }
}
