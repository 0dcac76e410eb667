/** Versions of what the peers in Java run on, as their Maven projects and the machine say them. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const PROJECTS = { Flink: ['flink', 'flink.version'], Jet: ['jet', 'hazelcast.version'] } as const

/** Empty where there is no Java. */
export function versionsOfPeers(): Readonly<Record<string, string>> {
  const java = javaVersion()
  if (java === undefined) return {}
  const projects = Object.entries(PROJECTS).map(([name, [folder, property]]) => [
    name,
    projectVersion(folder, property),
  ])
  return { Java: java, ...Object.fromEntries(projects) }
}

function javaVersion(): string | undefined {
  const { JAVA_HOME } = process.env
  const { stderr } = spawnSync(JAVA_HOME ? join(JAVA_HOME, 'bin', 'java') : 'java', ['-version'], { encoding: 'utf8' })
  return /version "([^"]+)"/.exec(stderr ?? '')?.[1]
}

function projectVersion(folder: string, property: string): string {
  const project = readFileSync(new URL(`./peers/${folder}/pom.xml`, import.meta.url), 'utf8')
  const version = new RegExp(`<${property}>([^<]+)<`).exec(project)?.[1]
  if (version === undefined) throw new Error(`peers/${folder}/pom.xml has no ${property}`)
  return version
}
