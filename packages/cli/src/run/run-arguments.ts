/** The command line of `run`: read and checked, nothing done. */
import { MillraceError } from '@millrace/api'
import { type CommandLine, parseCommandLine, usageError } from '../command/command-line.ts'
import { parseConfiguration, parseParallelism } from '../job/plan-settings.ts'
import type { RestoreRequest, StopAfter } from './job-runner-port.ts'

export interface RunArguments {
  readonly jobFile: string
  /** `undefined`: as configured. */
  readonly parallelism: number | undefined
  readonly configuration: Readonly<Record<string, string>>
  readonly restore: RestoreRequest
  readonly stopAfter: StopAfter | undefined
  readonly json: boolean
  /** What comes after `--`. */
  readonly params: readonly string[]
}

export const RUN_OPTIONS = {
  parallelism: {
    type: 'string',
    short: 'p',
    value: 'N',
    help: 'subtasks per step, where the job does not say (default 1)',
  },
  define: {
    type: 'string',
    short: 'D',
    multiple: true,
    value: 'key=value',
    help: 'a configuration value; may be given several times',
  },
  'from-savepoint': { type: 'string', short: 's', value: 'path', help: 'start from this checkpoint or savepoint' },
  'claim-mode': {
    type: 'string',
    value: 'mode',
    help: 'NO_CLAIM: what -s names stays yours (default); CLAIM: the job owns and removes it',
  },
  resume: { type: 'boolean', help: "start from the job's last complete checkpoint, or fresh where there is none" },
  'resume-from': {
    type: 'string',
    value: 'which',
    help: 'newest: as --resume; newest-whole: passes damaged checkpoints over and gives up their output',
  },
  'discard-newer': { type: 'boolean', help: 'remove checkpoints and output that are newer than the restored one' },
  'allow-non-restored-state': { type: 'boolean', help: 'accept state that no step of the job claims' },
  'stop-after-checkpoint': {
    type: 'string',
    value: 'N',
    help: 'stop with a savepoint once N checkpoints are complete',
  },
  savepoint: { type: 'string', value: 'folder', help: 'where that savepoint goes' },
  json: { type: 'boolean', help: 'one JSON object a line: events, progress and the result' },
} as const

/** Throws `USAGE`, or `CONFIG_INVALID_VALUE` for what `-D` gives in a form that is none. */
export function parseRunArguments(argv: readonly string[]): RunArguments {
  const line = parseCommandLine('run', RUN_OPTIONS, argv)
  const { values } = line
  const configuration = parseConfiguration((values.define ?? []) as readonly string[])
  return {
    jobFile: requireJobFile('run', line),
    parallelism: values.parallelism === undefined ? undefined : parseParallelism('-p', values.parallelism as string),
    configuration: withClaimMode(configuration, values),
    restore: parseRestore(values, configuration[PATH_KEY]),
    stopAfter: parseStopAfter(values),
    json: values.json === true,
    params: line.afterDashes,
  }
}

export function requireJobFile(command: string, { positionals }: CommandLine): string {
  const [jobFile, ...more] = positionals
  if (jobFile === undefined) throw usageError(command, 'The job file is missing.')
  if (more.length > 0) {
    throw usageError(
      command,
      `There is one job file too many: ${more.join(' ')}.`,
      'Parameters of the job come after "--".',
    )
  }
  return jobFile
}

type Values = CommandLine['values']

const PATH_KEY = 'execution.state-recovery.path'

/** `configured`: what `-D` says, which is another way to write `-s` and gives way to what the options say. */
function parseRestore(values: Values, configured: string | undefined): RestoreRequest {
  const options = {
    discardNewer: values['discard-newer'] === true,
    allowNonRestoredState: values['allow-non-restored-state'] === true,
  }
  const path = values['from-savepoint']
  const from = values['resume-from']
  const starts = [path !== undefined ? '-s' : '', values.resume === true ? '--resume' : '', from ? '--resume-from' : '']
  const given = starts.filter((flag) => flag !== '')
  if (given.length > 1) {
    throw usageError('run', `${given.join(' and ')} both say where to start from.`, 'Give one of them.')
  }
  if (from === 'newest-whole') return { kind: 'newest-whole', ...options, discardNewer: true }
  if (from !== undefined && from !== 'newest') {
    throw usageError('run', `--resume-from ${from}: there is newest and newest-whole.`)
  }
  if (typeof path === 'string') {
    if (path === '') throw usageError('run', '-s needs the path of a checkpoint or savepoint.')
    return { kind: 'path', path, ...options }
  }
  if (values.resume === true || from === 'newest') return { kind: 'latest', ...options }
  if (configured !== undefined) return { kind: 'path', path: configured, ...options }
  for (const name of ['discard-newer', 'allow-non-restored-state']) {
    if (values[name] === true) {
      throw usageError('run', `--${name} is about a restore, and there is none.`, 'Add --resume or -s <path>.')
    }
  }
  return { kind: 'none' }
}

/** `--claim-mode` is short for a key, which checks the value. */
function withClaimMode(configuration: RunArguments['configuration'], values: Values): RunArguments['configuration'] {
  const claimMode = values['claim-mode']
  if (typeof claimMode !== 'string') return configuration
  if (values['from-savepoint'] === undefined && configuration[PATH_KEY] === undefined) {
    throw usageError('run', '--claim-mode says who owns what -s names, and nothing is named.', 'Add -s <path>.')
  }
  return { ...configuration, 'execution.state-recovery.claim-mode': claimMode }
}

function parseStopAfter(values: Values): StopAfter | undefined {
  const text = values['stop-after-checkpoint']
  const folder = values.savepoint
  if (text === undefined && folder === undefined) return undefined
  if (typeof text !== 'string' || typeof folder !== 'string' || folder === '') {
    throw usageError('run', '--stop-after-checkpoint N and --savepoint FOLDER are given together.')
  }
  const checkpoints = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(checkpoints) || checkpoints < 1) {
    throw new MillraceError('USAGE', `--stop-after-checkpoint ${text} is no positive whole number.`)
  }
  return { checkpoints, savepointFolder: folder }
}
