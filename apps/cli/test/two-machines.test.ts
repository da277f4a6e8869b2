import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Machine, type Machines, openMachines } from '../../../packages/network/test/machines.ts'
import { type Ended, jsonOf, type Started, startOn, tiny, workplace } from './lockstep.ts'

/** The shortest window that leaves room for an audit on a local chain. */
const TERMS = `market:
  ceiling: '0.01'
  auditPrice: '0.01'
  auditors: 1
  auditRate: 10000
  times: { bidding: 2, inclusion: 1, receipt: 60, run: 60, audit: 15, answer: 5, window: 65 }
`

let machines: Machines | undefined
let why = ''
let directory = ''
const running: Started[] = []
before(async () => {
  const opened = await openMachines(2)
  if (typeof opened === 'string') why = opened
  else machines = opened
  directory = await workplace()
  await writeFile(join(directory, 'job.yaml'), tiny('job') + TERMS)
})
after(async () => {
  for (const one of running) one.kill('SIGTERM')
  await Promise.all(running.map(({ ended }) => ended))
  await machines?.close()
  await rm(directory, { recursive: true, force: true })
})

const on = async (machine: Machine, ...args: string[]): Promise<Ended> => {
  const ended = await startOn(machine, directory, ...args).ended
  assert.equal(ended.code, 0, `lockstep ${args.join(' ')}: ${ended.stderr}`)
  return ended
}

/** Starts what goes on until the end of the test; given back when it says that it is up. */
const launch = async (machine: Machine, ...args: string[]): Promise<Started> => {
  const started = startOn(machine, directory, ...args)
  running.push(started)
  await started.said('Stop it with Ctrl-C')
  if (!started.output().includes('Stop it with Ctrl-C')) assert.fail((await started.ended).stderr)
  return started
}

test('a second machine joins by address with one command, and earns', {
  timeout: 480_000,
}, async (t) => {
  if (machines === undefined) return t.skip(why)
  const [first, second] = machines.machines as [Machine, Machine]
  const [here, there] = [join(directory, 'here'), join(directory, 'there')]
  await mkdir(there)
  const up = await launch(first, 'up', '--home', here, '--listen', first.address, '--verifiers', '1')
  assert.match(up.output(), new RegExp(`node run --join ${first.address}$`, 'm'), 'it says how to join')
  await on(first, 'account', 'create', '--home', here)
  await on(first, 'account', 'fund', '--home', here)
  await on(first, 'post', 'job.yaml', '--home', here, '--yes')
  const twice = await startOn(first, directory, 'post', 'job.yaml', '--home', here, '--yes').ended
  assert.equal(twice.code, 2, twice.stderr)
  assert.match(twice.stderr, /job\.yaml is what job 1 of this account was posted of.*--job 1.*--again/)

  const begin = performance.now()
  const node = startOn(second, directory, 'node', 'run', '--home', there, '--join', first.address)
  running.push(node)
  const watching = startOn(first, directory, 'watch', '1', '--home', here, '--json')
  running.push(watching)
  const over = await Promise.race([
    watching.ended,
    node.ended.then(({ stderr }) => assert.fail(`it has ended: ${node.output()}${stderr}`)),
  ])
  assert.equal(over.code, 0, over.stderr)
  const earned = jsonOf(await on(second, 'earnings', '--home', there, '--json'))
  assert.ok(BigInt(earned.accounts[0].made) > 0n)
  // Two minutes are the aim; a busy machine may take longer.
  t.diagnostic(`it has earned after ${((performance.now() - begin) / 1000).toFixed(1)} s`)
  const told = await on(second, 'watch', '1', '--home', there, '--json')
  const { status, settled } = jsonOf(told)
  assert.deepEqual([status, settled], ['closed', true])
})

test('a machine that does not answer, and a network that was begun anew, are told from the right one', {
  timeout: 480_000,
}, async (t) => {
  if (machines === undefined) return t.skip(why)
  const [first, second] = machines.machines as [Machine, Machine]
  const [here, there] = [join(directory, 'here'), join(directory, 'there')]
  const joining = (...args: string[]): Promise<Ended> =>
    startOn(second, directory, 'node', 'run', '--join', first.address, ...args).ended

  for (const one of running) one.kill('SIGTERM')
  await Promise.all(running.splice(0).map(({ ended }) => ended))
  const none = await joining('--home', 'other')
  assert.equal(none.code, 3)
  assert.match(
    none.stderr,
    /--join is http:\/\/10\.77\.0\.1:4400\/network, which does not answer: ECONNREFUSED; allo/,
  )
  await first.cut()
  const silent = await joining('--home', 'other')
  await first.heal()
  assert.equal(silent.code, 3)
  assert.match(
    silent.stderr,
    /which does not answer within 10 s; allowed: a node that answers\. Check the address/,
  )

  await rm(here, { recursive: true })
  await launch(first, 'up', '--home', here, '--listen', first.address)
  const anew = await joining('--home', there)
  assert.equal(anew.code, 3)
  assert.match(
    anew.stderr,
    /the store belongs to chain 31337:0x.*give the node another --name\. \[store-foreign\]/,
  )
})
