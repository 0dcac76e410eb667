/**
 * Who may ask. The server has no passwords: what protects it is that only this machine reaches it. A web page in a browser
 * on this machine reaches it too, so two tricks of such pages are refused: asking under a name of their own that they let
 * point here (DNS rebinding), and sending a request that changes something from another site. Pure.
 */
import { isIP } from 'node:net'

export interface RequestOrigin {
  readonly host: string | undefined
  readonly origin: string | undefined
  /** `Sec-Fetch-Site`, which browsers set and pages cannot. */
  readonly fetchSite: string | undefined
  /** Whether the request may change something; a GET may, too. */
  readonly isWrite: boolean
}

/** Why a request is refused; `undefined`: it is not. `hostNames`: names of this server beside those of the machine itself. */
export function refusalOf(request: RequestOrigin, hostNames: readonly string[]): string | undefined {
  const { host, origin, fetchSite, isWrite } = request
  // HTTP/1.0 has no such header; browsers always send one.
  if (host !== undefined) {
    const name = nameOfHost(host)
    if (name === undefined || !isOwnName(name, hostNames)) {
      return `The Host header names "${host}", which is not this server. Use localhost, an IP address, or the name given as rest.address.`
    }
  }
  if (!isWrite) return undefined
  if (fetchSite === 'cross-site' || fetchSite === 'same-site') {
    return 'A page of another site may not change anything here.'
  }
  if (origin !== undefined && !isSameOrigin(origin, host)) {
    return `A page of "${origin}" may not change anything here.`
  }
  return undefined
}

/** An address cannot be rebound: only a name can, so an address is always taken. */
function isOwnName(name: string, hostNames: readonly string[]): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || isIP(name) !== 0 || hostNames.includes(name)
}

/** Lower case, without port and brackets. */
function nameOfHost(host: string): string | undefined {
  return /^(?:\[([0-9a-f:.]+)\]|([^:/?#@[\]\s]+))(?::\d*)?$/i
    .exec(host)
    ?.slice(1)
    .find((part) => part !== undefined)
    ?.toLowerCase()
}

function isSameOrigin(origin: string, host: string | undefined): boolean {
  const own = host?.toLowerCase()
  const given = origin.toLowerCase()
  return own !== undefined && (given === `http://${own}` || given === `https://${own}`)
}
