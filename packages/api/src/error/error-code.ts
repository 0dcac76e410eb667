/**
 * The closed table of error codes. A code says whose fault an error is and what the coordinator does when a running
 * job meets it; `docs/reference/errors.md` explains each one (a test compares the two).
 */

/** Whose fault: the user's code, input or usage; an outside system or the machine; or Millrace itself. */
export type ErrorFault = 'user' | 'external' | 'internal'

/**
 * What the coordinator does: `fail` ends the job at once (trying again cannot help), `restart` asks the restart
 * strategy, `continue` only reports.
 */
export type ErrorAction = 'fail' | 'restart' | 'continue'

export interface ErrorCodeEntry {
  readonly fault: ErrorFault
  readonly action: ErrorAction
  readonly summary: string
}

const user = (action: ErrorAction, summary: string): ErrorCodeEntry => ({ fault: 'user', action, summary })
const external = (action: ErrorAction, summary: string): ErrorCodeEntry => ({ fault: 'external', action, summary })
const internal = (action: ErrorAction, summary: string): ErrorCodeEntry => ({ fault: 'internal', action, summary })

export const ERROR_CODES = {
  // Usage and configuration
  USAGE: user('fail', 'A command line that cannot be understood.'),
  CONFIG_UNKNOWN_KEY: user('fail', 'A configuration key that does not exist.'),
  CONFIG_INVALID_VALUE: user('fail', 'A configuration value that its key does not accept.'),
  STATE_BACKEND_UNAVAILABLE: user('fail', 'A state backend whose native module is not there or cannot be loaded.'),
  OPTION_UNKNOWN: user('fail', 'An option that this call does not have.'),
  OPTION_INVALID: user('fail', 'An option with a value that it does not accept.'),
  PARAMS_INVALID: user('fail', "Parameters that the job's schema refuses."),
  JOB_NOT_FOUND: user('fail', 'The job file does not exist or exports no job.'),
  JOB_BUNDLE_FAILED: user('fail', 'The job file could not be bundled.'),
  JOB_BUILD_FAILED: user('fail', "The job's build function threw."),
  NODE_TOO_OLD: user('fail', 'No Node version that can run the engine was found.'),
  OUTPUT_FAILED: external('fail', 'Standard output could not be written.'),

  // Building a job
  BUILD_NOT_DETERMINISTIC: user(
    'fail',
    'build() asked for the clock or randomness, or gave another graph a second time.',
  ),
  BUILD_NOT_SYNCHRONOUS: user('fail', 'build() returned a promise.'),
  UID_DUPLICATE: user('fail', 'Two steps of a job have the same uid.'),
  GRAPH_INVALID: user('fail', 'A job graph that cannot run.'),
  GRAPH_EMPTY: user('fail', 'A job without a sink.'),
  SOURCE_NOT_REPLAYABLE: user('fail', 'Exactly-once with restarts asked of a source that cannot resume.'),
  EVENT_TIME_WITHOUT_WATERMARKS: user('fail', 'Event time used on a stream without watermarks.'),
  DURATION_INVALID: user('fail', 'A duration that is zero, negative, fractional or unreadable.'),
  SIZE_INVALID: user('fail', 'A memory size that is unreadable or not positive.'),

  // Records, keys, time
  KEY_INVALID: user('fail', 'A key that is undefined, NaN or cannot be encoded.'),
  VALUE_NOT_ENCODABLE: user(
    'fail',
    'A record or state value that cannot be encoded: a function, a symbol, a class instance.',
  ),
  TIMESTAMP_INVALID: user('fail', 'A timestamp that is not a finite number.'),
  RECORD_MUTATED: user('fail', 'A record or state value was changed after it was handed over.'),
  RECORD_TOO_LARGE: user('fail', 'A record above the configured size limit.'),
  USER_FUNCTION_FAILED: user('restart', "The job's own code threw."),
  USER_FUNCTION_OVERRUN: user('fail', 'One call of user code emitted more than its task may hold.'),
  STATE_MISREAD: user('fail', 'Stored state that does not fit the state that the job declares.'),
  STATE_NOT_FOUND: user('fail', 'An operator or a state that a checkpoint does not hold.'),
  STATE_INCOMPATIBLE: user('fail', 'State declared in a way that cannot read what was stored.'),
  STATE_MIGRATION_FAILED: user('fail', 'A migration that threw or gave something that cannot be stored.'),
  REPEATED_FAILURE: user('fail', 'The same error of user code twice without a checkpoint in between.'),

  // Inputs
  INPUT_NOT_FOUND: user('fail', 'An input file that is missing.'),
  INPUT_UNREADABLE: external('restart', 'An input file that could not be read.'),
  INPUT_TRUNCATED: user('fail', 'An input that is cut off, as a gzip file without its end.'),
  INPUT_NOT_UTF8: user('fail', 'An input that is not valid UTF-8.'),
  INPUT_MALFORMED: user('fail', 'A line or file that does not have the declared form.'),
  INPUT_CHANGED: user('fail', 'An input that is shorter or other than when its position was recorded.'),

  // Sinks
  SINK_FOLDER_IN_USE: user('fail', 'An output folder that holds parts of another run.'),
  SINK_FOLDER_UNUSABLE: user('fail', 'An output path that cannot be a folder.'),
  SINK_NEWER_PARTS: user('fail', 'An output folder with parts committed after the restored checkpoint.'),
  SINK_DATA_LOSS: external('fail', 'Prepared output that is neither pending nor final.'),
  SINK_WRITE_FAILED: external('restart', 'A sink could not write.'),
  SINK_COMMIT_FAILED: external('restart', 'A sink could not commit.'),

  // Checkpoints
  CHECKPOINT_NOT_FOUND: user('fail', 'A checkpoint or savepoint that does not exist.'),
  CHECKPOINT_DAMAGED: external('fail', 'A checkpoint whose bytes are damaged or missing.'),
  CHECKPOINT_NEWER_VERSION: user('fail', 'A checkpoint written by a newer version.'),
  CHECKPOINT_OTHER_JOB: user('fail', 'A checkpoint that does not fit the job.'),
  CHECKPOINT_DECLINED: external('continue', 'A task declined a checkpoint.'),
  CHECKPOINT_EXPIRED: external('continue', 'A checkpoint took longer than its timeout.'),
  CHECKPOINT_FAILED: external('continue', 'A checkpoint could not be stored.'),
  CHECKPOINT_FAILURES_EXCEEDED: external('restart', 'More checkpoints failed in a row than tolerated.'),
  CHECKPOINT_FOLDER_LOCKED: user('fail', 'The checkpoint folder belongs to another running process.'),
  CHECKPOINT_FOLDER_UNUSABLE: external('fail', 'The checkpoint folder cannot be read or written.'),
  SAVEPOINT_FAILED: external('fail', 'A savepoint could not be taken.'),
  SAVEPOINT_DISPOSAL_FAILED: user('fail', 'What was to be deleted is no savepoint, is needed, or cannot be removed.'),
  BYTES_DAMAGED: external('fail', 'Bytes with a wrong magic, version or checksum.'),

  // Operating a running job
  REST_BIND_FAILED: external('continue', 'The REST server could not listen.'),
  REST_UNREACHABLE: external('fail', 'No REST server answers where it was looked for.'),
  REST_REQUEST_FAILED: external('fail', 'A REST server refused a request, or gave an answer that cannot be read.'),
  RUNNING_JOB_NOT_FOUND: user('fail', 'No running job fits what was asked for.'),
  OPERATION_FAILED: external('fail', 'A checkpoint, savepoint or stop that was asked for failed.'),

  // Running
  SLOT_LOST: external('restart', 'A slot ended without being asked.'),
  SLOT_HEARTBEAT_TIMEOUT: user('restart', 'A slot made no progress within heartbeat.timeout.'),
  SLOT_OUT_OF_MEMORY: user('restart', 'A slot went over its memory budget.'),
  NETWORK_MEMORY_INSUFFICIENT: user('fail', 'The channels of the job do not fit the network memory.'),
  JOB_CANCELED: user('fail', 'The job was cancelled.'),
  RESTARTS_EXHAUSTED: external('fail', 'The restart strategy allows no further attempt.'),
  DISK_FAILED: external('restart', 'A disk operation failed.'),
  INTERNAL: internal('restart', 'A fault of Millrace itself.'),
} as const satisfies Record<string, ErrorCodeEntry>

export type ErrorCode = keyof typeof ERROR_CODES
