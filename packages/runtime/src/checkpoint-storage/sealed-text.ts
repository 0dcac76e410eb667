/** The small text files of a checkpoint folder (`lineage`, `LOCK`): a line with magic, version and checksum, then the content. */
import { crc32c } from '@millrace/core'

const VERSION = 1

export function sealText(magic: string, content: string): Uint8Array {
  return new TextEncoder().encode(`${magic} ${VERSION} crc32c=${checksumOf(content)}\n${content}\n`)
}

/** The content, or `undefined` for bytes that were not sealed under this magic and version, or are damaged. */
export function openSealedText(magic: string, bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes)
  const end = text.indexOf('\n')
  if (end < 0 || !text.endsWith('\n')) return undefined
  const content = text.slice(end + 1, -1)
  return text.slice(0, end) === `${magic} ${VERSION} crc32c=${checksumOf(content)}` ? content : undefined
}

function checksumOf(content: string): string {
  return crc32c(new TextEncoder().encode(content)).toString(16).padStart(8, '0')
}
