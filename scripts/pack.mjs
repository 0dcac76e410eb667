// npm run pack [-- folder]: builds, then makes the tarballs that are published (`npm publish <tarball>`), in dist/ or in
// the folder given. Each is packed from a staging copy: the licence added, the exports' conditions for work inside this
// repository left out, since the sources they point at are not shipped.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { build } from './build.mjs'
import { packageDirs, root, run } from './toolchain.mjs'

const target = resolve(root, process.argv[2] ?? 'dist')
if ((await build()) !== 0) process.exit(1)

rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })
const staging = mkdtempSync(join(tmpdir(), 'millrace-pack-'))
try {
  const staged = packageDirs().map((dir, index) => stage(dir, join(staging, String(index))))
  process.exitCode = await run('npm', ['pack', '--loglevel=error', '--pack-destination', target, ...staged])
} finally {
  rmSync(staging, { recursive: true, force: true })
}

function stage(from, to) {
  const manifest = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
  for (const entry of Object.values(manifest.exports)) delete entry['@millrace/source']
  delete manifest.devDependencies
  for (const path of ['README.md', ...manifest.files.filter((file) => !file.startsWith('!'))]) {
    cpSync(join(from, path), join(to, path), { recursive: true })
  }
  cpSync(join(root, 'LICENSE'), join(to, 'LICENSE'))
  writeFileSync(join(to, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  return to
}
