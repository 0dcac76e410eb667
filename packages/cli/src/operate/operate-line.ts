/** The command line of the commands for running jobs: `[job id] [one more]`, the address, and `--json`. */
import { resolve } from 'node:path'
import { type CommandLine, type OptionTable, parseCommandLine, usageError } from '../command/command-line.ts'
import { ADDRESS_OPTIONS, isThisMachine, type JobAddress, parseJobAddress } from './job-address.ts'
import { isJobId } from './listed-job.ts'
import { RestClient } from './rest-client.ts'

export const OPERATE_OPTIONS = {
  ...ADDRESS_OPTIONS,
  json: { type: 'boolean', help: 'the result as a JSON object' },
} as const satisfies OptionTable

export interface OperateLine {
  readonly values: CommandLine['values']
  readonly address: JobAddress
  readonly client: RestClient
  readonly jobId: string | undefined
  /** What follows the job id, or stands in its place. */
  readonly folder: string | undefined
}

/** Throws `USAGE`. `takes`: what may be written beside options. */
export function parseOperateLine(
  command: string,
  options: OptionTable,
  argv: readonly string[],
  takes: 'nothing' | 'job' | 'jobAndFolder',
): OperateLine {
  const { values, positionals } = parseCommandLine(command, options, argv)
  const address = parseJobAddress(command, values)
  const [first, ...rest] = positionals
  const isFolderFirst = takes === 'jobAndFolder' && first !== undefined && !isJobId(first)
  const [jobId, folder, ...more] = isFolderFirst ? [undefined, ...positionals] : [first, ...rest]
  const tooMany = [
    ...(takes === 'nothing' && jobId !== undefined ? [jobId] : []),
    ...(takes !== 'jobAndFolder' && folder !== undefined ? [folder] : []),
    ...more,
  ]
  if (tooMany.length > 0) throw usageError(command, `${command} does not take "${tooMany[0]}".`)
  return { values, address, client: new RestClient(address), jobId, folder }
}

/** A relative folder is one of where the user is, not of where the job was started. Throws `USAGE` for an empty one. */
export function folderForServer(command: string, folder: string | undefined, address: JobAddress): string | null {
  if (folder === undefined) return null
  if (folder.trim() === '') {
    throw usageError(command, 'The folder is empty.', 'Name one, or leave it out for that of the job.')
  }
  return isThisMachine(address) && !/^[a-z][a-z0-9+.-]+:/i.test(folder) ? resolve(folder) : folder
}
