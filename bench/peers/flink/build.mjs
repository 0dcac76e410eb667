// Builds the Flink peer with Maven into `target`, only when its sources have changed, and says how to start it. By
// itself: node build.mjs. Plain JavaScript for any Node >= 20, as the scripts of the repository.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))
const target = join(folder, 'target')
const stampFile = join(target, 'sources.sha256')
const javaMin = 17

// What Flink's own start scripts give a JVM (`env.java.opts.all` of its default configuration).
const javaFlags = [
  '--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED',
  ...['lang', 'net', 'io', 'nio', 'lang.reflect', 'text', 'time', 'util', 'util.concurrent'].map(
    (name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`,
  ),
  '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
  '--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED',
  '--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
]

/**
 * The program and its first arguments that start the peer's main class; its own arguments (README.md) follow. Builds what
 * is missing. `heap` is the most memory for objects, as in -Xmx; default 4g. `jvmArgs` are further flags for Java.
 */
export function flinkCommand({ heap = '4g', jvmArgs = [] } = {}) {
  buildFlink()
  const classPath = [join(target, 'flink-peer-1.jar'), join(target, 'lib', '*')].join(delimiter)
  return { command: java(), args: [`-Xmx${heap}`, ...jvmArgs, ...javaFlags, '-cp', classPath, 'millrace.peer.Main'] }
}

/** Throws with what is missing when the machine has no JDK or no Maven. */
export function buildFlink() {
  const wanted = sourcesHash()
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return
  checkTools()
  console.error(
    'Building the Flink peer with Maven (the first time it downloads Flink from Maven Central, about 150 MB) ...',
  )
  const { status } = spawnSync('mvn', ['--quiet', '--batch-mode', 'clean', 'package'], {
    cwd: folder,
    // Standard output is for results.
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) throw new Error(`Maven could not build the Flink peer: status ${status}`)
  writeFileSync(stampFile, wanted)
}

/** Why the peer cannot run here; undefined when it can. */
export function missingForFlink() {
  const version = spawnSync(java(), ['-version'], { encoding: 'utf8' })
  const major = Number(/version "(\d+)/.exec(version.stderr ?? '')?.[1] ?? 0)
  if (major < javaMin) return `a JDK of version ${javaMin} or newer (java on the path, or JAVA_HOME)`
  if (spawnSync('mvn', ['--version']).status !== 0) return 'Maven 3.8 or newer (mvn on the path)'
  return undefined
}

function checkTools() {
  const missing = missingForFlink()
  if (missing !== undefined)
    throw new Error(`The Flink peer needs ${missing}; without it, leave Flink out with --peers`)
}

function java() {
  return process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java'
}

function sourcesHash() {
  const hash = createHash('sha256').update(readFileSync(join(folder, 'pom.xml')))
  const files = readdirSync(join(folder, 'src'), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    hash.update(path.slice(folder.length)).update(readFileSync(path))
  }
  return hash.digest('hex')
}

if (process.argv[1] === import.meta.filename) buildFlink()
