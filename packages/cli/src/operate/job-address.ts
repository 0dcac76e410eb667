/** Where the REST server of a job is looked for: `-m`, or else `rest.address` and `rest.port`. Pure. */
import { parseConfig } from '@millrace/core'
import type { OptionTable } from '../command/command-line.ts'
import { usageError } from '../command/command-line.ts'
import { parseConfiguration } from '../job/plan-settings.ts'

/** What all commands for running jobs take. */
export const ADDRESS_OPTIONS = {
  jobmanager: { type: 'string', short: 'm', value: 'host:port', help: "the job's REST server; default localhost:8081" },
  define: {
    type: 'string',
    short: 'D',
    multiple: true,
    value: 'key=value',
    help: 'rest.address and rest.port, where -m is not given',
  },
} as const satisfies OptionTable

export interface JobAddress {
  readonly host: string
  readonly port: number
}

/** Throws `USAGE`, or what `-D` is refused with. */
export function parseJobAddress(command: string, values: Readonly<Record<string, unknown>>): JobAddress {
  const pairs = parseConfiguration((values.define ?? []) as readonly string[])
  const config = parseConfig([{ source: 'the command line', pairs }])
  const address = { host: config.get('rest.address'), port: config.get('rest.port') }
  const given = values.jobmanager as string | undefined
  if (given === undefined) return address
  // `millrace run` prints a URL; who copies it means its host and port.
  const [, ipv6, name, port] =
    /^(?:http:\/\/)?(?:\[([0-9a-f:.]+)\]|([^:/[\]\s]+))(?::(\d{1,5}))?\/?$/i.exec(given) ?? []
  const host = ipv6 ?? name
  if (host === undefined || Number(port ?? 0) > 65_535) {
    throw usageError(command, `-m ${given} is no address.`, 'Write host:port, for example -m localhost:8081.')
  }
  return { host, port: port === undefined ? address.port : Number(port) }
}

export function addressText({ host, port }: JobAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Whether the server is on this machine, so that a relative folder means the same to it and to the user. */
export function isThisMachine({ host }: JobAddress): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}
