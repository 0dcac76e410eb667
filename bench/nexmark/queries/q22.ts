/** Every bid with the folders of its URL. */
import { defineJob } from '@millrace/api'
import { digestSink } from '../../digest/digest-sink.ts'
import { bidStream } from '../bid-stream.ts'
import { mixBidFolders } from '../query-rows.ts'

export default defineJob({
  name: 'nexmark-q22',
  build(env, params) {
    bidStream(env, params)
      .map(
        ({ auction, bidder, price, channel, url }) => {
          // https://host/dir1/dir2/dir3/…
          const first = url.indexOf('/', 'https://'.length)
          const second = url.indexOf('/', first + 1)
          const third = url.indexOf('/', second + 1)
          const fourth = url.indexOf('/', third + 1)
          return {
            auction,
            bidder,
            price,
            channel,
            dir1: url.slice(first + 1, second),
            dir2: url.slice(second + 1, third),
            dir3: url.slice(third + 1, fourth),
          }
        },
        { uid: 'folders' },
      )
      .to(digestSink(mixBidFolders), { uid: 'out' })
  },
})
