// Hazelcast Jet as a peer in Java, see `../java/maven-peer.mjs`. By itself: node build.mjs.
import process from 'node:process'
import { fileURLToPath } from 'node:url'
// biome-ignore lint/correctness/useImportExtensions: maven-peer.d.mts has its types only
import { mavenPeer } from '../java/maven-peer.mjs'

export const jetPeer = mavenPeer({
  name: 'Jet',
  folder: fileURLToPath(new URL('.', import.meta.url)),
  artifact: 'jet-peer',
  mainClass: 'millrace.peer.jet.Main',
  downloads: '25 MB',
  // What Hazelcast's own start scripts give a JVM.
  javaFlags: [
    '--add-modules=java.se',
    '--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED',
    '--add-opens=java.base/java.lang=ALL-UNNAMED',
    '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
    '--add-opens=java.management/sun.management=ALL-UNNAMED',
    '--add-opens=jdk.management/com.sun.management.internal=ALL-UNNAMED',
  ],
})

if (process.argv[1] === import.meta.filename) jetPeer.build()
