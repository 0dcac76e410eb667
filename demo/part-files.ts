/** Reads what a file sink committed. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The lines of all finished parts in a folder, in no particular order. */
export async function readPartFiles(folder: string): Promise<readonly string[]> {
  const lines: string[] = []
  for (const name of await readdir(folder)) {
    // Parts that are not finished begin with a dot.
    if (!name.startsWith('part-')) continue
    const text = await readFile(join(folder, name), 'utf8')
    for (const line of text.split('\n')) if (line !== '') lines.push(line)
  }
  return lines
}
