import assert from 'node:assert/strict'
import { chmod, cp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { playFromTrace } from '@lockstep/node/dispute'
import { nameSegment, runRemembering, sameBytes, type Task, treeOf } from '@lockstep/proof'
import { createWasmExecutor, type Executor, unwrap } from '@lockstep/tensor'
import { faultyExecutor } from '../../../examples/faulty-executor.ts'
import { drawLie } from '../../../examples/lies.ts'
import { seeded } from '../../../examples/seeded.ts'
import { openChain } from '../src/chain/open-chain.ts'
import { readCheckpoint, writeCheckpoint } from '../src/run/checkpoint-file.ts'
import { readClaim, writeClaim } from '../src/run/claim-file.ts'
import { layoutOf } from '../src/run/layout.ts'
import { openRun } from '../src/run/run-directory.ts'
import { inProcess, jsonOf, type Started, start, startFile, workplace } from './lockstep.ts'

const liarFile = join(import.meta.dirname, '..', '..', '..', 'examples', 'liar.ts')
let home: string
let chain: Started
let rpc: string
before(async () => {
  home = await workplace()
  chain = start(home, 'chain', '--port', '0')
  await chain.said('contract')
  rpc = /http:\/\/127\.0\.0\.1:\d+/.exec(chain.output())![0]
  process.chdir(home)
  const { code, stderr } = await inProcess('train', 'tiny.yaml')
  assert.equal(code, 0, stderr)
})
after(async () => {
  chain.kill('SIGTERM')
  assert.equal((await chain.ended).code, 0)
  process.chdir('/')
  await rm(home, { recursive: true, force: true })
})

/** A server that answers every call with the id of another chain. */
const otherChain = (id: number): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', () => {
        const body = `{"jsonrpc":"2.0","id":1,"result":"0x${id.toString(16)}"}`
        socket.end(
          `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        )
      })
    }).listen(0, '127.0.0.1', () => resolve(server))
  })
const portOf = (server: Server): number => (server.address() as { port: number }).port

test('a port in use is named, with what to do', async () => {
  const port = rpc.split(':').at(-1)!
  const { code, stderr } = await inProcess('chain', '--port', port)
  assert.equal(code, 3)
  assert.equal(
    stderr,
    `lockstep: --port is ${port}; allowed: a free port. Stop its owner, or choose another; 0 finds one. [port-in-use]\n`,
  )
})

test('the wrong chain, no chain, no contract and a bad address are refused before anything is signed', async () => {
  const server = await otherChain(5)
  try {
    const other = `http://127.0.0.1:${portOf(server)}`
    const zero = `0x${'00'.repeat(19)}01`
    const cases: [args: string[], code: number, pattern: RegExp][] = [
      [['--rpc', other, '--chain-id', '31337'], 2, /is 5; allowed: 31337.*\[wrong-chain\]/],
      [['--rpc', other], 2, /--key-file is missing.*public.*local chains.*\[key-missing\]/],
      [['--rpc', 'http://127.0.0.1:1'], 3, /nothing answers.*lockstep chain.*\[chain-unreachable\]/],
      [['--rpc', 'ftp://x'], 2, /\[rpc-invalid\]/],
      [['--rpc', rpc, '--contract', zero], 2, /\[no-contract\]/],
      [['--rpc', rpc, '--contract', '0x12'], 2, /\[contract-invalid\]/],
      [['--rpc', rpc, '--chain-id', '1'], 2, /is 31337; allowed: 1.*\[wrong-chain\]/],
    ]
    for (const [args, code, pattern] of cases) {
      const ended = await inProcess('claim', 'runs/tiny', ...args)
      assert.equal(ended.code, code, `${args}: ${ended.stderr}`)
      assert.match(ended.stderr, pattern)
    }
  } finally {
    server.close()
  }
})

test('a key file is refused where others can read it, and never shown', async (t) => {
  if (process.platform === 'win32') return t.skip('permissions are others there')
  const secret = 'ab'.repeat(32)
  await writeFile('key', secret)
  await chmod('key', 0o644)
  const exposed = await inProcess('claim', 'runs/tiny', '--rpc', rpc, '--key-file', 'key')
  assert.equal(exposed.code, 2)
  assert.match(exposed.stderr, /key is readable by others.*chmod 600.*\[key-exposed\]/)
  await writeFile('key', `${secret} and more`)
  await chmod('key', 0o600)
  const malformed = await inProcess('claim', 'runs/tiny', '--rpc', rpc, '--key-file', 'key')
  assert.match(malformed.stderr, /\[key-malformed\]/)
  for (const { stdout, stderr } of [exposed, malformed]) assert.ok(!(stdout + stderr).includes(secret))
})

test('an honest claim is nothing to dispute; a claim about another task is none of this run', async () => {
  const claimed = jsonOf(await inProcess('claim', 'runs/tiny', '--rpc', rpc, '--json'))
  const own = await inProcess('dispute', 'runs/tiny', '--rpc', rpc)
  assert.equal(own.code, 0, own.stderr)
  assert.match(own.stdout, /^Nothing to dispute/)
  const again = ['claim', 'runs/tiny', '--rpc', rpc, '--contract', claimed.contract.toLowerCase()]
  assert.equal((await inProcess(...again)).code, 0)
  assert.equal((await inProcess('dispute', 'runs/tiny', '--rpc', rpc)).code, 0)
  await writeFile('runs/tiny/posted.json', '{')
  const lost = await inProcess('dispute', 'runs/tiny', '--rpc', rpc)
  assert.equal(lost.code, 2)
  assert.match(lost.stderr, /--claim is missing.*\[claim-missing\]/)
  await writeFile(
    'longer.yaml',
    'name: longer\ndata: { text: page.txt }\nmodel: { layers: 1, width: 16, heads: 2, context: 16 }\ntraining: { batch: 4, steps: 8, warmup: 2 }\nsegments: { every: 4 }\n',
  )
  assert.equal((await inProcess('train', 'longer.yaml')).code, 0)
  const other = await inProcess('dispute', 'runs/longer', '--rpc', rpc, '--claim', claimed.claim)
  assert.equal(other.code, 2)
  assert.match(other.stderr, /steps of the claim's task|program of the claim's task/)
  assert.match(other.stderr, /\[wrong-task\]/)
})

test('a checkpoint with one wrong bit is found by verify, and the bit is named', async () => {
  await cp('runs/tiny', 'runs/bit', { recursive: true })
  const run = await openRun('runs/bit')
  const { program } = run.training.task.committed
  const path = run.layout.checkpoint(8)
  const { checkpoint } = await readCheckpoint(path, program, 8)
  const [first, ...others] = checkpoint.state
  const data = first!.data.slice()
  data[8]! ^= 1
  const item = await writeCheckpoint(path, program, {
    ...checkpoint,
    state: [{ ...first!, data }, ...others],
  })
  const { task, claim } = await readClaim(layoutOf('runs/tiny').claim)
  await writeClaim(run.layout.claim, task, { checkpoints: claim.checkpoints.with(1, item) })
  const verdict = await inProcess('verify', 'runs/bit', '--json')
  assert.equal(verdict.code, 1)
  const { difference } = jsonOf(verdict)
  assert.deepEqual([difference.segment, difference.steps, difference.tensor.element], [1, [4, 7], 2])
})

test('a faulty machine defends its history on the chain, loses in both kinds of challenge, and gets nothing', async () => {
  for (const [seed, named] of [
    ['1', false],
    ['2', true],
  ] as const) {
    const out = `runs/false-${seed}`
    const args = ['runs/tiny', '--out', out, '--rpc', rpc, '--seed', seed, '--threads', '1']
    const liar = startFile(home, liarFile, ...args)
    await liar.said('"claim"')
    const { claim } = JSON.parse(liar.output().split('\n')[1]!)
    const against = await inProcess('verify', out, '--against', 'runs/tiny')
    assert.equal(against.code, 1, against.stderr)
    const theirs = named ? ['--theirs', out] : []
    const played = await inProcess(
      'dispute',
      'runs/tiny',
      '--rpc',
      rpc,
      '--claim',
      claim,
      '--json',
      ...theirs,
    )
    assert.equal(played.code, 0, played.stderr)
    const { lie } = JSON.parse(liar.output().split('\n')[0]!)
    const end = jsonOf(played)
    assert.deepEqual([end.outcome, end.won, end.step, end.node], ['challenger', true, lie.step, lie.node])
    assert.notEqual(end.judgement.claimed, end.judgement.computed)
    assert.ok(end.gas > 0 && end.gas <= 2_000_000 && end.lastMoveGas <= 500_000)
    assert.ok(BigInt(end.credit) > BigInt(end.bond))
    const { stdout, code } = await liar.ended
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(stdout.trim().split('\n').at(-1)!), { outcome: 'challenger', credit: '0' })
  }
})

test('a challenger that is killed in the middle of a dispute goes on with it, and puts up no second bond', async () => {
  const out = 'runs/false-3'
  const args = ['runs/tiny', '--out', out, '--rpc', rpc, '--seed', '3', '--threads', '1']
  const liar = startFile(home, liarFile, ...args)
  await liar.said('"claim"')
  const { claim } = JSON.parse(liar.output().split('\n')[1]!)
  const challenge = ['dispute', 'runs/tiny', '--rpc', rpc, '--claim', claim]
  const first = start(home, ...challenge)
  await first.said(' gas')
  first.kill('SIGKILL')
  const { code, stdout } = await first.ended
  assert.equal(code, null)
  const again = await inProcess(...challenge, '--json')
  assert.equal(again.code, 0, again.stderr)
  const end = jsonOf(again)
  assert.equal(end.outcome, 'challenger')
  assert.match(stdout, new RegExp(`^dispute ${end.dispute} about claim ${claim}`))
  const chain = await openChain('challenger', { rpc })
  const { disputes } = await chain.disputesSince(0n)
  assert.equal(disputes.filter((dispute) => dispute.claim === claim).length, 1)
  assert.equal((await liar.ended).code, 0)
})

test('an honest claimant defends its claim against a faulty challenger, and wins', async () => {
  const { claim } = jsonOf(await inProcess('claim', 'runs/tiny', '--rpc', rpc, '--window', '7200', '--json'))
  const run = await openRun('runs/tiny')
  const { task } = run.training
  const { program } = task.committed
  const honest = await createWasmExecutor()
  try {
    // The challenger's machine has a fault in step 0, so it takes the claim for false from there on.
    const draw = seeded(3)
    const initial = task.initial
    let told: Task
    let own: Awaited<ReturnType<typeof runRemembering>>
    let executor: Executor
    const { claim: truth } = await readClaim(run.layout.claim)
    do {
      const lie = drawLie(program, 1, draw)
      told = { ...task, initial, committed: { ...task.committed, program: lie.program } }
      executor = faultyExecutor(honest, program, lie.program, lie.step)
      own = await runRemembering(told, executor)
      own.trace.close()
    } while (sameBytes(own.claim.checkpoints[0]!, truth.checkpoints[0]!))
    const chain = await openChain('challenger', { rpc })
    const named = nameSegment(treeOf(truth.checkpoints), treeOf(own.claim.checkpoints))!
    const dispute = unwrap(await chain.challengeSegment(claim, named))
    // Blocks may pass before the claimant looks.
    assert.equal((await inProcess('claim', 'runs/tiny', '--rpc', rpc, '--window', '7201')).code, 0)
    const defended = inProcess(
      'dispute',
      'runs/tiny',
      '--rpc',
      rpc,
      '--as',
      'claimant',
      '--claim',
      claim,
      '--json',
    )
    const attack = playFromTrace({
      chain,
      dispute,
      side: 'challenger',
      task: told,
      executor,
      claim: own.claim,
      state: async () => undefined,
    })
    const [claimant, { outcome }] = await Promise.all([defended, attack])
    assert.equal(claimant.code, 0, claimant.stderr)
    assert.deepEqual([jsonOf(claimant).outcome, outcome], ['claimant', 'claimant'])
    assert.equal(await chain.credit(chain.connection.account.address), 0n)
  } finally {
    await honest.close()
  }
})

test('a claim that nobody disputes is final after its window, and the bond comes back', async () => {
  assert.equal((await inProcess('claim', 'runs/tiny', '--rpc', rpc, '--window', '36000')).code, 0)
  const early = await inProcess('finalize', 'runs/tiny', '--rpc', rpc)
  assert.equal(early.code, 2)
  assert.match(early.stderr, /the claim is open for another \d+ seconds.*\[window-open\]/)
  for (const [method, params] of [
    ['evm_increaseTime', [36_001]],
    ['evm_mine', []],
  ])
    await fetch(rpc, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
  const ended = jsonOf(await inProcess('finalize', 'runs/tiny', '--rpc', rpc, '--json'))
  assert.equal(ended.status, 'final')
  assert.ok(BigInt(ended.paid) > 0n)
})
