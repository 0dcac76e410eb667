/** Runs jobs on worker threads: text of a job file in, outcome out. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before } from 'node:test'
import type { RestoreRequest } from '../../src/coordinator/choose-start.ts'
import type { JobOutcome } from '../../src/coordinator/coordinator-ports.ts'
import { type RunningJob, runJob } from '../../src/coordinator/run-job.ts'
import { bundleJob } from '../../src/job-loading/bundle-job.ts'

/** A job that runs, and the folder of its checkpoints. */
export interface StartedThreadJob {
  readonly job: RunningJob
  readonly checkpointFolder: string
  /** Goes on from the newest checkpoint, after the job has ended. */
  resume(configuration?: Readonly<Record<string, string>>): StartedThreadJob
}

/** Call at the top of a test file. The folder is below the package, so that imports resolve as in a user's project. */
export function threadJobs() {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(import.meta.dirname, 'jobs-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))
  let jobs = 0
  const startText = async (
    text: string,
    configuration: Readonly<Record<string, string>> = {},
  ): Promise<StartedThreadJob> => {
    const own = join(folder, `job-${jobs++}`)
    await mkdir(own)
    await writeFile(join(own, 'job.ts'), text)
    const { bundlePath } = await bundleJob(join(own, 'job.ts'))
    const checkpointFolder = join(own, 'checkpoints')
    const start = (given: Readonly<Record<string, string>>, restore: RestoreRequest): StartedThreadJob => ({
      job: runJob({
        bundlePath,
        params: {},
        configuration: {
          'execution.checkpointing.dir': checkpointFolder,
          'restart-strategy.type': 'none',
          ...given,
        },
        restore,
      }),
      checkpointFolder,
      resume: (next = {}) => start(next, { kind: 'latest', discardNewer: false, allowNonRestoredState: false }),
    })
    return start(configuration, { kind: 'none' })
  }
  return {
    startText,
    runText: async (text: string, configuration?: Readonly<Record<string, string>>): Promise<JobOutcome> =>
      (await startText(text, configuration)).job.outcome,
  }
}
