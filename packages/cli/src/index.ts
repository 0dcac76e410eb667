/** The command line as a library: for hosts that bring their own runner or surroundings. */
export type { CliEnvironment, TerminalSize, TextOutput } from './cli-environment.ts'
export { EXIT, type ExitCode } from './exit-code.ts'
export { createProcessEnvironment } from './process-environment.ts'
export type {
  CheckpointReading,
  JobReading,
  JobRunner,
  JobState,
  RestoreOptions,
  RestoreRequest,
  RunEvent,
  RunningJob,
  RunRequest,
  RunResult,
  StopAfter,
  TaskFigures,
  TaskReading,
} from './run/job-runner-port.ts'
export { runCli } from './run-cli.ts'
