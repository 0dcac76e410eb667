/** What the configuration says about the server. Pure. */
import type { TypedConfig } from '@millrace/core'
import { choosePorts, type PortChoice } from './port-choice.ts'

export interface RestSettings {
  readonly bindAddress: string
  /** A name under which clients reach it, beside localhost and addresses. */
  readonly address: string
  readonly ports: PortChoice
  /** Value of `access-control-allow-origin`; `undefined`: no such header. */
  readonly allowOrigin: string | undefined
  /** How long an operation that has ended can be asked for. */
  readonly operationsKeptMs: number
}

/** `undefined`: there is to be no server. Throws `CONFIG_INVALID_VALUE`. */
export function restSettingsOf(config: TypedConfig): RestSettings | undefined {
  if (!config.get('millrace.rest.enabled')) return undefined
  return {
    bindAddress: config.get('rest.bind-address'),
    address: config.get('rest.address'),
    ports: choosePorts({
      port: config.get('rest.port'),
      isPortGiven: config.sources.has('rest.port'),
      bindPort: config.get('rest.bind-port'),
    }),
    allowOrigin: config.get('web.access-control-allow-origin'),
    operationsKeptMs: config.get('rest.async.store-duration'),
  }
}
