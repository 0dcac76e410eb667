/**
 * A slow disk, for `node --import`: a rename to a path that MILLRACE_TEST_SLOW_RENAME describes makes the file
 * MILLRACE_TEST_SLOW_FLAG and waits until somebody removes it.
 */
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { setTimeout as pause } from 'node:timers/promises'

const slow = new RegExp(process.env.MILLRACE_TEST_SLOW_RENAME ?? '^$')
const flag = process.env.MILLRACE_TEST_SLOW_FLAG ?? ''
const { access, rename, writeFile } = fs

fs.rename = async (from, to) => {
  if (slow.test(String(to))) {
    await writeFile(flag, '')
    while (await exists(flag)) await pause(5)
  }
  await rename(from, to)
}
syncBuiltinESMExports()

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  )
}
