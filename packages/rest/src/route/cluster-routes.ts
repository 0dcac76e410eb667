/** What concerns the process as a whole. */
import { configJson, overviewJson } from '../view/cluster-view.ts'
import { ok, type Route } from './route.ts'

export const CLUSTER_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/config',
    isWrite: false,
    answer: (_, { versions, zone }) => ok(configJson(versions, zone)),
  },
  {
    method: 'GET',
    path: '/overview',
    isWrite: false,
    answer: (_, server) => {
      const look = server.look()
      return ok(overviewJson(server.versions, look === undefined ? [] : [look]))
    },
  },
]
