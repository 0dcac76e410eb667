/** What a job imports: the API. Files are in `millrace/files`. */
export * from '@millrace/api'
