// Builds a peer in Java with Maven into `target` of its folder, only when its sources or the shared ones have changed, and says how to start
// it. Plain JavaScript for any Node >= 20, as the scripts of the repository.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const shared = fileURLToPath(new URL('.', import.meta.url))
const javaMin = 17

/**
 * `name` is for messages, `folder` that of the peer's `pom.xml`, whose artifact is `<folder's name>-peer` of version 1. `javaFlags` are
 * what its product's own start scripts give a JVM.
 */
export function mavenPeer({ name, folder, artifact, mainClass, downloads, javaFlags }) {
  const target = join(folder, 'target')
  const stampFile = join(target, 'sources.sha256')

  /** Throws with what is missing when the machine has no JDK or no Maven. */
  function build() {
    const wanted = sourcesHash(folder)
    if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return
    const missing = missingForMaven()
    if (missing !== undefined) {
      throw new Error(`The ${name} peer needs ${missing}; without it, leave ${name} out with --peers`)
    }
    console.error(
      `Building the ${name} peer with Maven (the first time it downloads ${name} from Maven Central, about ${downloads}) ...`,
    )
    const { status } = spawnSync('mvn', ['--quiet', '--batch-mode', 'clean', 'package'], {
      cwd: folder,
      // Standard output is for results.
      stdio: ['ignore', 2, 2],
    })
    if (status !== 0) throw new Error(`Maven could not build the ${name} peer: status ${status}`)
    writeFileSync(stampFile, wanted)
  }

  return {
    build,
    /**
     * The program and its first arguments that start the peer's main class; its own arguments follow. Builds what is
     * missing. `heap` is the most memory for objects, as in -Xmx; default 4g. `jvmArgs` are further flags for Java.
     */
    command({ heap = '4g', jvmArgs = [] } = {}) {
      build()
      const classPath = [join(target, `${artifact}-1.jar`), join(target, 'lib', '*')].join(delimiter)
      return { command: java(), args: [`-Xmx${heap}`, ...jvmArgs, ...javaFlags, '-cp', classPath, mainClass] }
    },
    /** `[--heap 4g] <arguments of the main class>`: builds the peer when needed and runs it once; the exit status. */
    run(words) {
      const heap = words[0] === '--heap' ? words.splice(0, 2)[1] : undefined
      const { command, args } = this.command({ heap })
      return spawnSync(command, [...args, ...words], { stdio: 'inherit' }).status ?? 1
    },
  }
}

/** Why peers in Java cannot run here; undefined when they can. */
export function missingForMaven() {
  const version = spawnSync(java(), ['-version'], { encoding: 'utf8' })
  const major = Number(/version "(\d+)/.exec(version.stderr ?? '')?.[1] ?? 0)
  if (major < javaMin) return `a JDK of version ${javaMin} or newer (java on the path, or JAVA_HOME)`
  if (spawnSync('mvn', ['--version']).status !== 0) return 'Maven 3.8 or newer (mvn on the path)'
  return undefined
}

function java() {
  return process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java'
}

function sourcesHash(folder) {
  const hash = createHash('sha256').update(readFileSync(join(folder, 'pom.xml')))
  for (const root of [shared, folder]) {
    const files = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
    for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
      hash.update(path.slice(root.length)).update(readFileSync(path))
    }
  }
  return hash.digest('hex')
}
