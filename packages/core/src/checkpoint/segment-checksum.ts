/**
 * The checksum by which a manifest knows a segment from every other one.
 *
 * A segment ends with its own CRC-32C, and a CRC over bytes and their CRC is the same number whatever the bytes: it would
 * find wrong bits and take any whole segment for the right one. So the last four bytes count apart from those before.
 */
import { crc32c } from '../codec/crc32c.ts'

const TRAILER_BYTES = 4
/** Any odd number: what is multiplied by it modulo 2^32 stays apart. */
const SPREAD = 0x9e37_79b1

export function segmentChecksum(bytes: Uint8Array): number {
  return spread(crc32c(bytes, 0, trailerAt(bytes)), bytes)
}

/**
 * The same of a segment as `SegmentWriter` has just finished it: what its bytes give stands at its end already, so they are not gone
 * through again.
 */
export function finishedSegmentChecksum(bytes: Uint8Array): number {
  const end = trailerAt(bytes)
  let own = 0
  for (let at = bytes.length - 1; at >= end; at--) own = (own << 8) | (bytes[at] as number)
  return spread(own, bytes)
}

/** Manifests of the first releases name the CRC of all bytes. */
export function hasSegmentChecksum(bytes: Uint8Array, checksum: number): boolean {
  return segmentChecksum(bytes) === checksum || crc32c(bytes) === checksum
}

function trailerAt({ length }: Uint8Array): number {
  return Math.max(0, length - TRAILER_BYTES)
}

function spread(crc: number, bytes: Uint8Array): number {
  let trailer = 0
  for (let at = trailerAt(bytes); at < bytes.length; at++) trailer = (trailer << 8) | (bytes[at] as number)
  return (crc ^ Math.imul(trailer, SPREAD)) >>> 0
}
