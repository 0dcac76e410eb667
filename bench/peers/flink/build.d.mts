/** Types of `build.mjs`. */
export function flinkCommand(options?: { readonly heap?: string | undefined; readonly jvmArgs?: readonly string[] }): {
  readonly command: string
  readonly args: readonly string[]
}
export function buildFlink(): void
export function missingForFlink(): string | undefined
