/** `millrace savepoint`: a savepoint of a job that goes on, or one that is deleted. */
import { disposeSavepoint, NodeFileSystem } from '@millrace/runtime'
import { EXIT } from '../exit-code.ts'
import { runOperation } from '../operate/await-operation.ts'
import { chooseJobId } from '../operate/listed-job.ts'
import { folderForServer, OPERATE_OPTIONS, type OperateLine, parseOperateLine } from '../operate/operate-line.ts'
import type { Command } from './command.ts'
import { usageError } from './command-line.ts'

const SAVEPOINT_OPTIONS = {
  dispose: {
    type: 'string',
    short: 'd',
    value: 'folder',
    help: 'delete this savepoint instead: here, or with -m by the server there',
  },
  ...OPERATE_OPTIONS,
} as const

export const savepointCommand: Command = {
  name: 'savepoint',
  summary: 'take a savepoint of a running job, or delete one',
  usage: '[job id] [folder] [options]',
  options: SAVEPOINT_OPTIONS,
  async run(argv, { stdout }) {
    const line = parseOperateLine('savepoint', SAVEPOINT_OPTIONS, argv, 'jobAndFolder')
    const { dispose } = line.values
    const [json, text] = typeof dispose === 'string' ? await disposeOf(dispose, line) : await take(line)
    stdout.write(`${line.values.json === true ? JSON.stringify(json) : text}\n`)
    return EXIT.finished
  },
}

type Told = readonly [json: object, text: string]

async function take({ client, jobId: given, folder, address }: OperateLine): Promise<Told> {
  const jobId = await chooseJobId('savepoint', client, given)
  const { location } = await runOperation(client, {
    what: 'The savepoint',
    trigger: `/jobs/${jobId}/savepoints`,
    status: `/jobs/${jobId}/savepoints`,
    body: {
      'target-directory': folderForServer('savepoint', folder, address),
      'cancel-job': false,
      formatType: 'CANONICAL',
    },
  })
  return [{ kind: 'savepoint', job: jobId, savepoint: location }, `The savepoint of job ${jobId}: ${location}`]
}

/**
 * A savepoint of Millrace is a folder here, and mostly outlives every server. That of a cluster can only be deleted by the
 * cluster.
 */
async function disposeOf(path: string, { client, values, address, jobId, folder }: OperateLine): Promise<Told> {
  const more = jobId ?? folder
  if (more !== undefined) throw usageError('savepoint', `--dispose is about one savepoint, not also about "${more}".`)
  if (path.trim() === '') throw usageError('savepoint', '--dispose needs the folder of a savepoint.')
  const json = { kind: 'dispose', savepoint: path }
  if (values.jobmanager === undefined) {
    const { folder: disposed, isFolderLeft } = await disposeSavepoint(new NodeFileSystem(), path)
    const left = isFolderLeft ? ' Its folder holds something else and stays.' : ''
    return [json, `The savepoint ${disposed} is deleted.${left}`]
  }
  await runOperation(client, {
    what: 'The disposal of the savepoint',
    trigger: '/savepoint-disposal',
    status: '/savepoint-disposal',
    body: { 'savepoint-path': folderForServer('savepoint', path, address) },
  })
  return [json, `The savepoint ${path} is deleted.`]
}
