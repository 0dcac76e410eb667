export * from '@millrace/files'
