import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { checkDeployment, connect, LOCAL_CHAIN, type LocalChain, startLocalChain } from '../src/index.ts'

/** The second of the keys that anvil is known for. */
const KEY = '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d'
const script = fileURLToPath(new URL('../../../scripts/deploy.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'lockstep-deploy-'))
let chain: LocalChain
before(async () => {
  chain = await startLocalChain()
})
after(async () => {
  await chain?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const run = async (
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ status: number | null; stdout: string; stderr: string }> => {
  const { PATH, NODE_COMPILE_CACHE = '' } = process.env
  const child = spawn(process.execPath, [script, ...args], { env: { PATH, NODE_COMPILE_CACHE, ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { status, stdout, stderr }
}

test('a market is deployed, and its addresses are written down', async () => {
  const { status, stdout, stderr } = await run(['--rpc', chain.url])
  assert.equal(status, 0, stderr)
  const deployment = JSON.parse(stdout)
  const connection = await connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account: { privateKey: KEY } })
  assert.deepEqual(await checkDeployment(connection, deployment), { ok: true, value: undefined })
  assert.ok(deployment.addresses.faucet)
})

test('the key comes from a private file, the chain is the one that was meant', async () => {
  const file = join(folder, 'key')
  const out = join(folder, 'deployment.json')
  writeFileSync(file, `${KEY.slice(2)}\n`, { mode: 0o600 })
  const { status, stderr } = await run([
    ...['--rpc', chain.url, '--rules', 'public', '--chain-id', `${LOCAL_CHAIN.id}`],
    ...['--key-file', file, '--out', out],
  ])
  assert.equal(status, 0, stderr)
  assert.match(stderr, /0x70997970C51812dc3A010C7d01b50e0d17dc79C8/)
  assert.equal(JSON.parse(readFileSync(out, 'utf8')).addresses.faucet, undefined)
})

test('what is wrong is said in one line, before anything is sent', async () => {
  const open = join(folder, 'open')
  writeFileSync(open, KEY, { mode: 0o644 })
  const cases: [args: string[], env: NodeJS.ProcessEnv, pattern: RegExp][] = [
    [[], {}, /--rpc is missing/],
    [['--rpc', chain.url, '--rules', 'mine'], {}, /--rules is mine; allowed: local, public/],
    [['--rpc', chain.url, '--rules', 'public'], {}, /--chain-id is missing/],
    [['--rpc', chain.url, '--chain-id', '1'], { LOCKSTEP_DEPLOYER_KEY: KEY }, /is 31337, not 1/],
    [['--rpc', chain.url, '--chain-id', '1'], {}, /no private key/],
    [['--rpc', chain.url, '--chain-id', '0x7a69'], {}, /--chain-id is 0x7a69/],
    [['--rpc', chain.url, '--key-file', open], {}, /can be read by others: chmod 600/],
    [['--rpc', chain.url, '--key-file', join(folder, 'none')], {}, /--key-file cannot be read/],
    [['--rpc', chain.url], { LOCKSTEP_DEPLOYER_KEY: KEY.slice(0, 40) }, /not 64 hexadecimal digits\.$/m],
    [['--rpc', chain.url, '--treasury', '0x1'], {}, /--treasury is 0x1/],
    [['--rpc', chain.url, '--key', KEY], {}, /--key/],
    [['--rpc', 'http://127.0.0.1:9'], {}, /./],
  ]
  for (const [args, env, pattern] of cases) {
    const { status, stdout, stderr } = await run(args, env)
    assert.equal(status, 2, `${args}: ${stderr}`)
    assert.equal(stdout, '')
    assert.match(stderr, pattern)
    assert.ok(stderr.trim().split('\n').length <= 2, stderr)
    assert.ok(!stderr.includes(KEY.slice(2, 40)), 'the key is not shown')
  }
})
