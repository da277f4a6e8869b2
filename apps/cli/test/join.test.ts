import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { encodeNetworkFile, type NetworkFile } from '@lockstep/client'
import {
  connect,
  type Deployment,
  deployMarket,
  LOCAL_CHAIN,
  LOCAL_RULES,
  type LocalChain,
  startLocalChain,
} from '@lockstep/contracts'
import { developmentAccount } from '../src/chain/keys.ts'
import { type Ended, inProcess } from './lockstep.ts'

let directory = ''
let chain: LocalChain
let deployment: Deployment
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lockstep-join-'))
  chain = await startLocalChain()
  const account = developmentAccount('deployer')
  const connection = await connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account, pollingInterval: 20 })
  deployment = await deployMarket(connection, LOCAL_RULES)
})
after(async () => {
  await chain?.stop()
  await rm(directory, { recursive: true, force: true })
})

// Each command listens for signals, as the only one of its process.
process.setMaxListeners(40)

let homes = 0
/** Tries to join in a new home: it must fail as told, and leave nothing that is in the way of the right network. */
const refused = async (to: string, exit: number, said: RegExp): Promise<void> => {
  const home = join(directory, `home-${++homes}`)
  const ended: Ended = await inProcess('node', 'run', '--home', home, '--join', to)
  assert.equal(ended.code, exit, ended.stderr)
  assert.match(ended.stderr, said)
  assert.match(ended.stderr, /^[^\n]*\n$/, 'it is one line')
  assert.ok(!existsSync(home), 'nothing was written')
}

const served = async (listener: RequestListener, use: (address: string) => Promise<void>): Promise<void> => {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  try {
    await use(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}
const answering =
  (body: string, status = 200): RequestListener =>
  (_, response) => {
    response.writeHead(status, status === 302 ? { location: 'http://127.0.0.1:1/' } : {})
    response.end(body)
  }
const network = (change: Partial<NetworkFile> = {}): string =>
  encodeNetworkFile({ ...deployment, rpc: chain.url, bootstrap: [], ...change })

/** A port on which nobody listens. */
const closed = async (): Promise<string> => {
  let at = ''
  await served(answering(''), async (address) => {
    at = address
  })
  return at
}

test('an address at which no node answers is named, with what to do', async () => {
  await refused(
    await closed(),
    3,
    /^lockstep: --join is http:\/\/127\.0\.0\.1:\d+\/network, .*ECONNREFUSED; allowed: a node/,
  )
  await refused(
    'http://no-such-host.invalid',
    3,
    /no-such-host\.invalid.*does not answer: (ENOTFOUND|EAI_AGAIN)/,
  )
  await refused('ftp://127.0.0.1', 2, /--join is ftp:.*allowed: an address such as HOST, HOST:PORT/)
  await refused('127.0.0.1:99999', 2, /--join is 127\.0\.0\.1:99999; allowed: an address/)
  await refused(
    '/ip4/127.0.0.1/tcp/4401/p2p/12D3KooWRib9eABM2FQQPv9AMJZuQ4sk8YYtqRqmyLZb2zdGCdt6',
    2,
    /where peers meet; allowed: .*try --join 127\.0\.0\.1\. \[option-invalid\]/,
  )
  await refused(
    'no-such.json',
    2,
    /--join is no-such\.json, which is missing; allowed: an address such as HOST.*\[network-missing\]/,
  )
})

test('what answers and is no node is named', async () => {
  await served(answering('not here', 404), (at) => refused(at, 3, /which answers with status 404/))
  await served(answering('', 302), (at) => refused(at, 3, /which does not answer: unexpected redirect/))
  await served(answering('<html>'), (at) => refused(at, 2, /is no JSON; allowed: a network as/))
  await served(answering('{"format":"lockstep-network-1"}'), (at) =>
    refused(at, 2, /chainId of .* is missing;.*\[network-malformed\]/),
  )
  await served(answering(' '.repeat(100_000)), (at) => refused(at, 3, /broken off, or over 65536 bytes/))
})

test('a network whose chain is another one, is not there, or has no such market is refused', async () => {
  const file = join(directory, 'network.json')
  const joins = async (change: Partial<NetworkFile>, exit: number, said: RegExp): Promise<void> => {
    await writeFile(file, network(change))
    await refused(file, exit, said)
    await served(answering(network(change)), (at) => refused(at, exit, said))
  }
  await joins({ chainId: 7 }, 2, /the chain at http:.* is 31337, not 7: .*\[wrong-chain\]/)
  await joins({ rpc: 'http://127.0.0.1:1' }, 3, /the chain is http:\/\/127\.0\.0\.1:1.*\[chain-unreachable\]/)
  const { addresses } = deployment
  await joins(
    { addresses: { ...addresses, market: addresses.token } },
    2,
    /\[deployment-inconsistent\]|\[no-contract\]|\[no-market\]/,
  )
})

test('a node of one network joins no other under its name', async () => {
  const home = join(directory, 'known')
  const made = await inProcess(
    'node',
    'init',
    '--home',
    home,
    '--join',
    await written('here.json', network()),
  )
  assert.equal(made.code, 0, made.stderr)
  const { addresses } = deployment
  const other = await written('other.json', network({ addresses: { ...addresses, market: addresses.token } }))
  const ended = await inProcess('node', 'run', '--home', home, '--join', other)
  assert.equal(ended.code, 2)
  assert.match(
    ended.stderr,
    /--join is market 0x\w+ on chain 31337; allowed: market 0x\w+ on chain 31337.*\[network-differs\]/,
  )
})

const written = async (name: string, text: string): Promise<string> => {
  await writeFile(join(directory, name), text)
  return join(directory, name)
}
