/** The command line as a library: for hosts that bring their own runner or surroundings. */
export type { CliEnvironment, TerminalSize, TextOutput } from './cli-environment.ts'
export { renderError } from './error/render-error.ts'
export { EXIT, type ExitCode, isUsageError } from './exit-code.ts'
export { type JobRequest, type PreparedJob, prepareJob } from './job/prepare-job.ts'
export { createProcessEnvironment } from './process-environment.ts'
export { type EmbeddedJob, startEmbeddedJob } from './run/embedded-job-runner.ts'
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
export { createRunView, type RunView } from './run/run-view.ts'
export { runCli } from './run-cli.ts'
export { choosePaint, type Paint } from './text/paint.ts'
