export type { ServedJob } from './served-job.ts'
export { type RestServer, startRestServer } from './server/rest-server.ts'
export { type RestSettings, restSettingsOf } from './server/rest-settings.ts'
