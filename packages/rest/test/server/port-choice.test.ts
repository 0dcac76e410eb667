import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choosePorts } from '../../src/server/port-choice.ts'

test('a port that was set is the only one; the default has a hundred behind it', () => {
  assert.deepEqual(choosePorts({ port: 8081, isPortGiven: true, bindPort: undefined }).ports, [8081])
  assert.deepEqual(choosePorts({ port: 0, isPortGiven: true, bindPort: undefined }).ports, [0])
  const { ports } = choosePorts({ port: 8081, isPortGiven: false, bindPort: undefined })
  assert.deepEqual([ports.length, ports[0], ports[1], ports.at(-1)], [101, 8081, 8082, 8181])
})

test('rest.bind-port wins, and may be ranges', () => {
  const ports = (bindPort: string) => choosePorts({ port: 8081, isPortGiven: true, bindPort }).ports
  assert.deepEqual(ports('9000'), [9000])
  assert.deepEqual(ports('0'), [0])
  assert.deepEqual(ports('9000-9002, 9001,9500 - 9501'), [9000, 9001, 9002, 9500, 9501])
})

for (const bindPort of ['', 'x', '1-', '-1', '9-8', '65536', '1-65536', '1,,2', '1.5']) {
  test(`"${bindPort}" is no range of ports`, () => {
    assert.throws(() => choosePorts({ port: 8081, isPortGiven: false, bindPort }), {
      code: 'CONFIG_INVALID_VALUE',
      message: /rest\.bind-port/,
    })
  })
}
