/** The entry of the `millrace` command, on a Node that the engine runs on. */
import { createRequire } from 'node:module'
import process from 'node:process'
import { tuneCompiler } from '@millrace/runtime'
import { createProcessEnvironment } from './process-environment.ts'
import { embeddedJobRunner } from './run/embedded-job-runner.ts'
import { runCli } from './run-cli.ts'

const { version } = createRequire(import.meta.url)('../package.json') as { readonly version: string }

tuneCompiler()
process.exitCode = await runCli(process.argv.slice(2), version, createProcessEnvironment(embeddedJobRunner))
