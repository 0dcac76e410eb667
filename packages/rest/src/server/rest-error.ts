/** A refusal with its HTTP status. Its body is `{"errors": […]}`, as in every answer of Flink's that is no success. */
import type { ErrorData } from '@millrace/api'

export class RestError extends Error {
  override readonly name = 'RestError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export interface ErrorsJson {
  readonly errors: readonly string[]
}

export function errorsJson(...errors: readonly string[]): ErrorsJson {
  return { errors }
}

/** Two texts, as Flink has them for what no handler has a status for. */
export function serverErrorJson(error: Pick<ErrorData, 'name' | 'message'>): ErrorsJson {
  const text = `<Exception on server side:\n${error.name}: ${error.message}\n\nEnd of exception on server side>`
  return errorsJson('Internal server error.', text)
}
