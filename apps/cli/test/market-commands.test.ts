import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { encodeNetworkFile } from '@lockstep/client'
import { connect, type MarketChain, marketChain } from '@lockstep/contracts'
import { importSecret, RecoveryPhrase, type Secret, writeKeyFile } from '@lockstep/node'
import { unwrap } from '@lockstep/tensor'
import { openStreet, type Street } from '../../../packages/node/test/street.ts'
import { type Ended, inProcess, jsonOf, tiny, workplace } from './lockstep.ts'

/** The market's commands on a real chain with a real relay: what they do, and what they refuse once they have asked it. */

let home: string
let street: Street
let market: MarketChain
before(async () => {
  home = await workplace()
  process.chdir(home)
  delete process.env.LOCKSTEP_PASSPHRASE
  process.env.LOCKSTEP_HOME = join(home, 'home')
  street = await openStreet()
  await street.add('relay', ['relay'])
  await writeFile('net.json', encodeNetworkFile(street.network()))
  market = await marketChain(street.connection, street.deployment.addresses)
})
after(async () => {
  process.chdir(tmpdir())
  await street?.close()
  await rm(home, { recursive: true, force: true })
})

const TOKEN = 10n ** 18n
const net = ['--network', 'net.json'] as const
const done = async (...args: readonly string[]): Promise<Ended> => {
  const ended = await inProcess(...args)
  assert.equal(ended.code, 0, `${args.join(' ')}: ${ended.stderr}`)
  return ended
}
const result = async (...args: readonly string[]) => jsonOf(await done(...args, '--json'))
const refused = async (args: readonly string[], said: RegExp, code = 2): Promise<void> => {
  const ended = await inProcess(...args)
  assert.equal(ended.code, code, `${args.join(' ')}: ${ended.stderr}`)
  assert.match(ended.stderr, said)
}
const pass = async (seconds: number): Promise<void> => {
  const { reader } = street.connection
  await reader.request({ method: 'evm_increaseTime', params: [seconds] } as never)
  await reader.request({ method: 'evm_mine', params: [] } as never)
}

test('an account is imported as a private key, a recovery phrase and a keystore, and each is the same account', async () => {
  const phrase = RecoveryPhrase.generate()
  const { address } = phrase.secret
  await writeKeyFile('phrase.txt', `${phrase.show()}\n`)
  const first = await result('account', 'import', 'phrase.txt', 'main')
  assert.equal(first.address, address)
  assert.match(first.passphraseFile, /passphrase$/)
  const again = await result(
    ...['account', 'import', first.keystore, 'twin', '--home', 'other'],
    ...['--keystore-passphrase-file', first.passphraseFile],
  )
  assert.equal(again.address, address)
  const bytes = new Uint8Array(32).fill(7)
  await writeFile('key.txt', Buffer.from(bytes).toString('hex'))
  const { account } = await result('account', 'import', 'key.txt', 'seven')
  assert.equal(account, 'seven')
  await refused(['account', 'import', 'key.txt', 'seven'], /account is seven; allowed: a name that is free/)
  await writeFile('words.txt', `${'abandon '.repeat(24)}`)
  await refused(['account', 'import', 'words.txt', 'third'], /phrase|checksum/i)
  await writeFile('zero.txt', '0'.repeat(64))
  await refused(['account', 'import', 'zero.txt', 'third'], /allowed/)
  await refused(
    [
      ...['account', 'import', first.keystore, 'third', '--home', 'other'],
      ...['--keystore-passphrase-file', 'home/accounts/seven.json'],
    ],
    /passphrase/,
  )
})

test('money: funded, staked, unstaked and withdrawn; more than there is, or what is locked, is refused', async () => {
  const funded = await result('account', 'fund', 'main', ...net)
  assert.ok(BigInt(funded.given.tokens) > 0n && BigInt(funded.given.coins) > 0n)
  const address = funded.address
  await refused(
    ['account', 'withdraw', '1', ...net],
    /tokens is 1 LOCK; allowed: at most the credit of main, 0 LOCK/,
  )
  await refused(['account', 'withdraw', 'all', ...net], /tokens is nothing; allowed: at most the credit/)
  await refused(
    ['account', 'unstake', '1', ...net],
    /tokens is 1 LOCK; allowed: at most the free stake of main, 0 LOCK/,
  )
  // Somebody puts credit into the account, and its owner stakes a part of it.
  const { calls } = market
  unwrap(await market.send(calls.approve(market.addresses.vault, 100n * TOKEN)))
  unwrap(await market.send(calls.deposit(address, 10n * TOKEN)))
  const { chain, connection } = street
  const out = await result('account', 'withdraw', '2.5', ...net, '--to', `0x${'22'.repeat(20)}`)
  assert.deepEqual([out.withdrawn, out.credit], [`${(5n * TOKEN) / 2n}`, `${(15n * TOKEN) / 2n}`])
  const owner = await ownerOf('phrase.txt')
  const own = await marketChain(
    await connect({ url: chain.url, chainId: connection.chainId, account: owner.account() }),
    market.addresses,
  )
  unwrap(await own.send(own.calls.stake(5n * TOKEN)))
  await refused(['account', 'unstake', '6', ...net], /at most the free stake of main, 5 LOCK/)
  assert.equal((await result('account', 'unstake', '2', ...net)).unbonding, `${2n * TOKEN}`)
  const { accounts } = await result('account', 'show', 'main', ...net)
  assert.deepEqual(
    [accounts[0].stake, accounts[0].unbonding, accounts[0].credit],
    [`${3n * TOKEN}`, `${2n * TOKEN}`, `${(5n * TOKEN) / 2n}`],
  )
  await pass(30 * 86_400)
  assert.equal((await result('account', 'withdraw', 'all', ...net)).withdrawn, `${(9n * TOKEN) / 2n}`)
})

const ownerOf = async (file: string): Promise<Secret> => {
  const content = new Uint8Array(await readFile(file))
  return unwrap(await importSecret(content, async () => assert.fail('it needs no passphrase')))
}

test('a node is set up and checked without being started', async () => {
  const made = await result(
    'node',
    'init',
    '--join',
    'net.json',
    '--name',
    'attic',
    '--roles',
    'provider,verifier',
  )
  assert.deepEqual(made.roles, ['provider', 'verifier'])
  const checked = await done('node', 'check', '--name', 'attic')
  for (const said of [
    /key +node: none yet/,
    /chain +http.*the market's contracts are there/,
    /port \d+ is free/,
  ])
    assert.match(checked.stdout, said)
  assert.equal((await result('node', 'check', made.config)).node, 'attic')
  await refused(['node', 'init', '--join', 'net.json', '--name', 'attic'], /is there already/)
  const other = street.network()
  await writeFile(
    'elsewhere.json',
    encodeNetworkFile({ ...other, addresses: { ...other.addresses, market: other.addresses.token } }),
  )
  await done('node', 'init', '--join', 'elsewhere.json', '--name', 'cellar')
  await refused(['node', 'check', '--name', 'cellar'], /allowed/)
})

test('a job is posted, published again, watched as a stream, cancelled and refunded; the codes say how it ended', async () => {
  const terms = `market: { times: { bidding: 60, inclusion: 1, window: 700, audit: 90, answer: 60 } }\n`
  await writeFile(
    'job.yaml',
    tiny('job', (text) => text + terms),
  )
  await writeFile(
    'other.yaml',
    tiny('job', (text) => text.replace('steps: 12', 'steps: 8') + terms),
  )
  await refused(['status', '1', ...net], /job is 1; allowed: a job: none was posted on this network yet/)
  await refused(
    ['post', 'job.yaml', ...net, '--account', 'seven', '--yes'],
    /account seven is .*; allowed: at least the escrow.*account fund/,
    3,
  )
  await refused(['post', 'job.yaml', ...net], /--yes is missing, and there is no terminal/)
  const posted = await result('post', 'job.yaml', ...net, '--yes')
  assert.deepEqual([posted.posted, posted.job], [true, 1])
  assert.ok(BigInt(posted.escrow) > 0n && posted.blobs > 0)
  const again = await result('post', 'job.yaml', ...net, '--job', '1')
  assert.deepEqual([again.posted, again.job, again.blobs], [false, 1, posted.blobs])
  await refused(
    ['post', 'other.yaml', ...net, '--job', '1'],
    /other\.yaml is a plan with the hash .*; allowed: that of job 1/,
  )
  await refused(['post', 'job.yaml', ...net, '--job', '2'], /job is 2; allowed/)
  for (const command of ['watch', 'cancel', 'fetch', 'status', 'explain'])
    await refused([command, '2', ...net], /job is 2; allowed: (1 to 1|the number of a job)/)
  await refused(['fetch', '1', ...net], /slice 0 of job 1 is bidding; allowed: settled/)
  await refused(
    ['cancel', '1', ...net, '--account', 'seven'],
    /--account is seven, 0x.*; allowed: 0x.*, who posted job 1/,
  )
  assert.equal((await result('status', '1', ...net)).status, 'open')

  const watching = inProcess('watch', '1', ...net, '--json', '--stream')
  const cancelled = await result('cancel', '1', ...net)
  assert.deepEqual([cancelled.cancelled, cancelled.running], [true, []])
  unwrap(await market.send(market.calls.close(1)))
  const watched = await watching
  assert.equal(watched.code, 1, 'a job that was cancelled has no result')
  const lines = watched.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.ok(lines.length >= 4, watched.stdout)
  const end = lines.at(-1)
  assert.deepEqual([end.job, end.status, end.settled], [1, 'closed', false])
  assert.deepEqual(lines.slice(0, -1), end.events, 'each event is a line of its own as it happens')
  await refused(['cancel', '1', ...net], /job 1 is closed; allowed: an open job/)
  await refused(['post', 'job.yaml', ...net, '--job', '1'], /--job is 1; allowed: a job that is not closed/)
  const { lines: explained } = await result('explain', '1', ...net)
  assert.ok(explained.length > 0 && explained.every(({ differs }: { differs: unknown }) => differs === null))
  // What was not spent is credit, and what is credit can be taken out.
  assert.equal((await result('account', 'withdraw', 'all', ...net)).withdrawn, posted.escrow)
  const { accounts } = await result('earnings', 'main', ...net)
  assert.equal(accounts[0].spent, '0')
})
