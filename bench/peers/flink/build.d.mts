/** Types of `build.mjs`. */
// biome-ignore lint/correctness/useImportExtensions: maven-peer.d.mts has its types only
import type { MavenPeer } from '../java/maven-peer.mjs'

export declare const flinkPeer: MavenPeer
