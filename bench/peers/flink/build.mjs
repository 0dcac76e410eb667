// Apache Flink as a peer in Java, see `../java/maven-peer.mjs`. By itself: node build.mjs.
import process from 'node:process'
import { fileURLToPath } from 'node:url'
// biome-ignore lint/correctness/useImportExtensions: maven-peer.d.mts has its types only
import { mavenPeer } from '../java/maven-peer.mjs'

export const flinkPeer = mavenPeer({
  name: 'Flink',
  folder: fileURLToPath(new URL('.', import.meta.url)),
  artifact: 'flink-peer',
  mainClass: 'millrace.peer.Main',
  downloads: '190 MB',
  // What Flink's own start scripts give a JVM (`env.java.opts.all` of its default configuration).
  javaFlags: [
    '--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED',
    ...['lang', 'net', 'io', 'nio', 'lang.reflect', 'text', 'time', 'util', 'util.concurrent'].map(
      (name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`,
    ),
    '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
    '--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED',
    '--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
  ],
})

if (process.argv[1] === import.meta.filename) flinkPeer.build()
