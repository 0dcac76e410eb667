// npm run setup: installs the dependencies if that is still to be done.
import { setup } from './toolchain.mjs'

const node = await setup()
console.log(`Ready. Node for the engine: ${node}`)
