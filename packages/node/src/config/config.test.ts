import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { describeFault, type Fault, unwrap } from '@lockstep/tensor'
import fc from 'fast-check'
import { MAX_CONFIG_BYTES, parseConfig, readConfig } from './parse.ts'
import { configTemplate, defaultConfig } from './template.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const parse = (text: string) => parseConfig(bytes(text))
const refusal = (text: string): Fault => {
  const parsed = parse(text)
  assert.ok(!parsed.ok, `accepted: ${text}`)
  return parsed.fault
}
const NAMES = 'token,vault,delegations,market,audits,verifiers,draw,reputation,disputes,swarms'.split(',')
const addresses = Object.fromEntries(NAMES.map((name, i) => [name, `0x${String(i + 1).padStart(40, '0')}`]))
const DEPLOYMENT = { chainId: 31337, fromBlock: 4, addresses }

test('nothing at all is a provider on a local chain, and what init writes is that with every field', () => {
  const config = defaultConfig()
  for (const text of ['', '{}', '# nothing\n', configTemplate(config)])
    assert.deepEqual(unwrap(parse(text)), config)
  assert.deepEqual(config.roles, ['provider'])
  assert.equal(config.http.host, '127.0.0.1')
  assert.equal(config.policy.caps.memory, 4 * 2 ** 30)
  assert.equal(config.policy.price.floor, 10n ** 14n)
})

test('what was written comes back out of a template made of it', () => {
  const text = `
name: attic
roles: [provider, verifier, relay]
store: postgres://me:secret@db.example.org/lockstep
chain: { rpc: "https://rpc.example.org/v1", deployment: ${JSON.stringify(DEPLOYMENT)}, confirmations: 12 }
keys: { directory: /etc/keys, node: attic-1, passphraseFile: /etc/pass }
network:
  listen: [/ip4/0.0.0.0/tcp/1, /ip6/::/tcp/1/ws]
  announce: [/dns4/a.example.org/tcp/1]
  bootstrap: [/dns4/b.example.org/tcp/4401/p2p/12D3KooWA]
policy:
  price: { floor: "0.000000000000000001", hourly: 2, strategy: fixed, open: 1, margin: 0.25 }
  caps: { cores: 3, memory: 1.5 GiB, disk: 1048577, hours: [{ from: "22:00", to: "07:30", days: [sat, sun] }] }
  pause: { ownerInput: 300, ownerLoad: 0.5, runs: true }
selfAudit: 1
http: { host: 0.0.0.0, names: [attic.example.org], open: true }
log: { level: debug, format: json, size: 1 MiB }
`
  const config = unwrap(parse(text))
  assert.equal(config.policy.price.floor, 1n)
  assert.equal(config.policy.price.hourly, 2n * 10n ** 18n)
  assert.equal(config.policy.caps.memory, 1.5 * 2 ** 30)
  assert.equal(config.policy.caps.disk, 1048577)
  assert.deepEqual(unwrap(parse(configTemplate(config))), config)
})

test('a wrong field is named with its value, what is allowed, and what to do', () => {
  const cases: [text: string, field: string, value: string, limit: RegExp][] = [
    ['roles: []', 'roles', '', /at least 1/],
    ['roles: [miner]', 'roles.0', 'miner', /provider, verifier, relay/],
    ['roles: [relay, relay]', 'roles', '', /each role once/],
    ['role: provider', 'role', 'given', /name, roles, directory/],
    ['name: ../up', 'name', '../up', /lower-case/],
    ['store: mysql://x', 'store', 'mysql://x', /postgres:/],
    ['chain: { rpc: "ws://x" }', 'chain.rpc', 'ws://x', /http:\/\/ or https:\/\//],
    ['chain: { rpc: "http://" }', 'chain.rpc', 'http://', /http:\/\//],
    ['chain: { confirmations: -1 }', 'chain.confirmations', '-1', /at least 0/],
    ['chain: { confirmations: 1.5 }', 'chain.confirmations', '1.5', /integer/],
    ['chain: { url: x }', 'chain.url', 'given', /rpc, deployment/],
    ['chain: { deployment: { market: 0 } }', 'chain.deployment', '', /an address for each contract/],
    ['chain: { deployment: 7 }', 'chain.deployment', '7', /a file, or a map/],
    ['keys: { node: a/b }', 'keys.node', 'a/b', /lower-case/],
    ['network: { listen: [4401] }', 'network.listen.0', '4401', /text/],
    ['network: { listen: ["0.0.0.0:4401"] }', 'network.listen.0', '0.0.0.0:4401', /\/ip4\//],
    ['network: { bootstrap: ["/ip4/1.2.3.4/tcp/1"] }', 'network.bootstrap.0', '', /\/p2p\//],
    ['policy: { price: { floor: -1 } }', 'policy.price.floor', '-1', /decimal number of tokens/],
    ['policy: { price: { floor: 1e-7 } }', 'policy.price.floor', '1e-7', /decimal number of tokens/],
    ['policy: { price: { strategy: dump } }', 'policy.price.strategy', 'dump', /undercut, fixed/],
    ['policy: { price: { open: 0 } }', 'policy.price.open', '0', /at least 0.0001/],
    ['policy: { caps: { memory: 4 GB } }', 'policy.caps.memory', '4 GB', /512 MiB/],
    ['policy: { caps: { memory: -1 } }', 'policy.caps.memory', '-1', /512 MiB/],
    ['policy: { caps: { cores: 0 } }', 'policy.caps.cores', '0', /at least 1/],
    [
      'policy: { caps: { hours: [{ from: "25:00", to: "1:00" }] } }',
      'policy.caps.hours.0.from',
      '25:00',
      /22:30/,
    ],
    ['policy: { caps: { hours: [{ from: "20:00" }] } }', 'policy.caps.hours.0.to', 'missing', /text/],
    [
      'policy: { caps: { hours: [{ from: "20:00", to: "21:00", days: [monday] }] } }',
      'policy.caps.hours.0.days.0',
      'monday',
      /mon/,
    ],
    ['policy: { caps: { hours: [{ form: 1 }] } }', 'policy.caps.hours.0.from', 'missing', /text/],
    ['policy: { pause: { battery: yes } }', 'policy.pause.battery', 'yes', /true or false/],
    ['policy: { slack: 0.5 }', 'policy.slack', '0.5', /at least 1/],
    ['selfAudit: 1.5', 'selfAudit', '1.5', /at most 1/],
    ['selfAudit: .nan', 'selfAudit', 'NaN', /number/],
    ['http: { host: 0.0.0.0 }', 'http.names', '', /at least one name/],
    ['http: { port: 70000 }', 'http.port', '70000', /at most 65535/],
    ['http: { names: ["a:80"], host: 1.2.3.4 }', 'http.names.0', 'a:80', /without port/],
    ['log: { level: loud }', 'log.level', 'loud', /debug, info, warn, error/],
    ['log: { files: 0 }', 'log.files', '0', /at least 1/],
    ['a: [', 'config line 1', '', /YAML/],
    ['name: a\nname: b', 'config line 2', '', /YAML/],
    ['[1, 2]', 'config', '', /map/],
    ['provider', 'config', 'provider', /map/],
  ]
  for (const [text, field, value, limit] of cases) {
    const fault = refusal(text)
    assert.equal(fault.code, 'config-malformed')
    assert.equal(fault.field, field, text)
    if (value) assert.equal(fault.value, value, text)
    assert.match(String(fault.limit), limit, text)
    assert.match(fault.remedy, /lockstep node init/)
    assert.doesNotMatch(describeFault(fault), /\n/)
  }
})

test('paths are seen from the directory, and the market’s place is read from the deployment’s file', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'config-'))
  t.after(() => rm(home, { recursive: true }))
  const file = join(home, 'node.yaml')
  await writeFile(
    file,
    'directory: data\nkeys: { passphraseFile: /etc/pass }\nchain: { deployment: ../a.json }',
  )
  await assert.rejects(readConfig(file), { code: 'ENOENT', path: join(home, 'a.json') })
  await writeFile(join(home, 'a.json'), JSON.stringify(DEPLOYMENT))
  const config = unwrap(await readConfig(file))
  assert.equal(config.directory, join(home, 'data'))
  assert.equal(config.store, join(home, 'data', 'store.sqlite'))
  assert.equal(config.keys.directory, join(home, 'data', 'keys'))
  assert.equal(config.keys.passphraseFile, '/etc/pass')
  assert.equal(config.http.tokenFile, join(home, 'data', 'http.token'))
  assert.deepEqual(config.chain.deployment, DEPLOYMENT)
  for (const [content, field] of [
    ['{', join(home, 'a.json')],
    ['{}', 'chainId'],
    [JSON.stringify({ ...DEPLOYMENT, owner: 1 }), 'owner'],
    [JSON.stringify({ ...DEPLOYMENT, addresses: { ...addresses, vault: '0x12' } }), 'addresses.vault'],
    ['x'.repeat(MAX_CONFIG_BYTES + 1), join(home, 'a.json')],
  ] as const) {
    await writeFile(join(home, 'a.json'), content)
    const read = await readConfig(file)
    assert.ok(!read.ok)
    assert.equal(read.fault.field, field)
  }
})

test('hostile texts are refused quickly: bombs, depth, size, bytes that are no text', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, i) => `${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${Array(9).fill(`*${'abcdefghi'[i]}`).join(',')}]`).join('\n')}`
  refusal(bomb)
  refusal('['.repeat(30_000))
  refusal(`chain: ${'{a: '.repeat(10_000)}`)
  refusal(' '.repeat(MAX_CONFIG_BYTES + 1))
  assert.ok(!parseConfig(Uint8Array.of(0xff, 0xfe, 0x00)).ok)
})

test('no bytes make the reader do anything but accept or refuse', () => {
  const valid = bytes(configTemplate(defaultConfig()))
  const mutated = fc
    .tuple(fc.nat(valid.length - 1), fc.nat(valid.length), fc.uint8Array({ maxLength: 8 }))
    .map(([from, to, insert]) =>
      Uint8Array.from([...valid.subarray(0, from), ...insert, ...valid.subarray(Math.max(from, to))]),
    )
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (source) => {
      parseConfig(source)
    }),
    { numRuns: 200 },
  )
})
