// Started by millrace.mjs, on a Node the engine runs on.
import '@millrace/cli/main'
