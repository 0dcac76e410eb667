/** Runs jobs on worker threads: text of a job file in, outcome out. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before } from 'node:test'
import type { JobOutcome } from '../../src/coordinator/coordinator-ports.ts'
import { runJob } from '../../src/coordinator/run-job.ts'
import { bundleJob } from '../../src/job-loading/bundle-job.ts'

/** Call at the top of a test file. The folder is below the package, so that imports resolve as in a user's project. */
export function threadJobs() {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(import.meta.dirname, 'jobs-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))
  let jobs = 0
  const run = async (jobFile: string, configuration: Readonly<Record<string, string>> = {}): Promise<JobOutcome> => {
    const { bundlePath } = await bundleJob(jobFile)
    return runJob({
      bundlePath,
      params: {},
      configuration: {
        'execution.checkpointing.dir': join(folder, `checkpoints-${jobs++}`),
        'restart-strategy.type': 'none',
        ...configuration,
      },
      restore: { kind: 'none' },
    }).outcome
  }
  return {
    runText: async (text: string, configuration?: Readonly<Record<string, string>>): Promise<JobOutcome> => {
      const own = join(folder, `job-${jobs++}`)
      await mkdir(own)
      await writeFile(join(own, 'job.ts'), text)
      return run(join(own, 'job.ts'), configuration)
    },
  }
}
