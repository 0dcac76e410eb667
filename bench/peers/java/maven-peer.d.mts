/** Types of `maven-peer.mjs`. */
export interface MavenPeer {
  command(options?: { readonly heap?: string | undefined; readonly jvmArgs?: readonly string[] }): {
    readonly command: string
    readonly args: readonly string[]
  }
  build(): void
  run(words: string[]): number
}
export declare function mavenPeer(options: {
  readonly name: string
  readonly folder: string
  readonly artifact: string
  readonly mainClass: string
  readonly downloads: string
  readonly javaFlags: readonly string[]
}): MavenPeer
export declare function missingForMaven(): string | undefined
