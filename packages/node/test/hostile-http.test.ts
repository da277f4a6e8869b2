import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pause } from './hostile/attacker.ts'
import { residentBytes, watchMemory } from './hostile/floods.ts'

/** The HTTP server of a node in a process of its own, and strangers with sockets. */

const isNight = process.env.LOCKSTEP_NIGHTLY !== undefined
const FLOOD_MS = isNight ? 30_000 : 2_000
/** Over what it had when it was up. */
const MOST_GROWTH = 256 * 2 ** 20

const TOKEN = 'a-token-of-the-test-0123456789'
let child: ReturnType<typeof spawn>
let port: number
before(async () => {
  const file = join(import.meta.dirname, 'hostile', 'http-main.ts')
  child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout!, 'data')
  port = Number(line)
})
after(() => child?.kill('SIGKILL'))

const sockets = new Set<Socket>()
const open = (): Socket => {
  const socket = connect(port, '127.0.0.1')
  sockets.add(socket)
  socket.on('error', () => {})
  socket.on('close', () => sockets.delete(socket))
  socket.resume()
  return socket
}
const closeAll = (): void => {
  for (const socket of sockets) socket.destroy()
}
const isServed = async (): Promise<boolean> => {
  const response = await fetch(`http://127.0.0.1:${port}/health`, {
    signal: AbortSignal.timeout(30_000),
  }).catch(() => undefined)
  await response?.arrayBuffer()
  return response?.status === 200 || response?.status === 429
}
const eventuallyServed = async (about: string): Promise<void> => {
  for (let i = 0; i < 100; i++) {
    if (await isServed()) return
    await pause(100)
  }
  assert.fail(`nobody is served after ${about}`)
}

const HEAD = 'host: localhost\r\ncontent-type: application/json\r\n'
/** Each a stranger's way to keep a server busy for little. */
const FLOODS: readonly (readonly [what: string, write: (socket: Socket, i: number) => void])[] = [
  ['connections that say nothing', () => {}],
  ['half a header each', (socket) => socket.write(`GET /health HTTP/1.1\r\nhost: loc`)],
  [
    'headers without end',
    (socket) => socket.write(`GET / HTTP/1.1\r\n${`x: ${'y'.repeat(1000)}\r\n`.repeat(64)}`),
  ],
  [
    'bodies that are promised and do not come',
    (socket) => socket.write(`POST /pause HTTP/1.1\r\n${HEAD}content-length: 1000\r\n\r\n{`),
  ],
  [
    'bodies without end',
    (socket) => {
      socket.write(`POST /pause HTTP/1.1\r\n${HEAD}transfer-encoding: chunked\r\n\r\n`)
      for (let i = 0; i < 64; i++) socket.write(`8000\r\n${'x'.repeat(0x8000)}\r\n`)
    },
  ],
  ['what is no HTTP', (socket) => socket.write(Buffer.alloc(4096, 0xfe))],
  [
    'a hundred requests at once on each, whose answers nobody reads',
    (socket) => {
      socket.pause()
      socket.write(`GET /openapi.json HTTP/1.1\r\n${HEAD}\r\n`.repeat(100))
    },
  ],
  [
    'other paths without number',
    (socket, i) => socket.write(`GET /jobs/${i}${'9'.repeat(3000)} HTTP/1.1\r\n${HEAD}\r\n`),
  ],
]

test('who sends its header or its body too slowly is cut off, and others are served meanwhile', async () => {
  const slow: [head: string, drip: string][] = [
    ['GET /health HTTP/1.1\r\nhost: localhost\r\n', 'x: y\r\n'],
    [`POST /pause HTTP/1.1\r\nauthorization: Bearer ${TOKEN}\r\n${HEAD}content-length: 1000\r\n\r\n`, ' '],
  ]
  const ends = slow.map(async ([head, drip]) => {
    const begin = Date.now()
    const socket = open()
    let said = ''
    socket.setEncoding('utf8').on('data', (text) => {
      said += text
    })
    socket.write(head)
    const dripping = setInterval(() => socket.write(drip), 500)
    await once(socket, 'close')
    clearInterval(dripping)
    return { said, seconds: (Date.now() - begin) / 1000 }
  })
  await pause(1_000)
  await eventuallyServed('slow senders')
  for (const { said, seconds } of await Promise.all(ends)) {
    assert.match(said, /^(HTTP\/1\.1 408 |$)/)
    assert.ok(seconds > 5 && seconds < 300, `after ${seconds} s: ${said}`)
  }
})

test('floods of a node’s HTTP server: it goes on, and its memory stays bounded', async (t) => {
  const before = await residentBytes(child.pid!)
  const most = watchMemory(child.pid!)
  t.after(most)
  let opened = 0
  for (const [what, write] of FLOODS) {
    const end = Date.now() + FLOOD_MS / FLOODS.length
    while (Date.now() < end) {
      for (let i = 0; i < 100; i++) write(open(), opened++)
      await pause(20)
      if (sockets.size > 1_000) closeAll()
    }
    closeAll()
    await eventuallyServed(what)
  }
  assert.equal(child.exitCode, null)
  const peak = await most()
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`
  t.diagnostic(`${opened} connections of ${FLOODS.length} kinds; ${mib(before)} before, at most ${mib(peak)}`)
  assert.ok(peak - before < MOST_GROWTH, `${mib(before)} grew to ${mib(peak)}`)
})
