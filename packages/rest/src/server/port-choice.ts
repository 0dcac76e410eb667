/** Which ports to try, in which order: from `rest.bind-port`, or else `rest.port`. Pure. */
import { MillraceError } from '@millrace/api'

export interface PortSettings {
  /** `rest.port`. */
  readonly port: number
  /** Whether `rest.port` was set, and not only has its default. */
  readonly isPortGiven: boolean
  /** `rest.bind-port`: a port, a range, or several of both with commas. */
  readonly bindPort: string | undefined
}

export interface PortChoice {
  /** In this order; 0 is any free one. */
  readonly ports: readonly number[]
  /** What was asked for, for messages. */
  readonly asked: string
}

const PORT_MAX = 65_535
/** Ports tried behind the default one, when nobody said which. */
const NEXT_PORTS = 100

/** Throws `CONFIG_INVALID_VALUE` for a range that is none. */
export function choosePorts({ port, isPortGiven, bindPort }: PortSettings): PortChoice {
  if (bindPort !== undefined) return { ports: parsePortRanges(bindPort), asked: `rest.bind-port ${bindPort}` }
  if (isPortGiven) return { ports: [port], asked: `rest.port ${port}` }
  const last = Math.min(port + NEXT_PORTS, PORT_MAX)
  return { ports: range(port, last), asked: `ports ${port} to ${last}` }
}

function parsePortRanges(text: string): readonly number[] {
  const ports = text.split(',').flatMap((part) => {
    const [, first = '', last = first] = /^\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*$/.exec(part) ?? []
    const [from, to] = [Number(first), Number(last)]
    if (first === '' || from > to || to > PORT_MAX) throw invalidRange(text)
    return range(from, to)
  })
  return [...new Set(ports)]
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

function invalidRange(text: string): MillraceError {
  return new MillraceError('CONFIG_INVALID_VALUE', `"${text}" is not a value for rest.bind-port`, {
    details: { key: 'rest.bind-port', value: text },
    hint: 'Write a port, a range or several: 8081, "8081-8090", "8081,9000-9010"; 0 is any free port.',
  })
}
