import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f32Tensor, f32Values } from '@lockstep/models'
import { claimRoot, type Hex, runClaim, taskFields, toHex, validateTask } from '@lockstep/proof'
import { receiptClaimRoot, receiptTaskFields } from '@lockstep/swarm'
import { createWasmExecutor, type Executor, type Tensor, unwrap } from '@lockstep/tensor'
import { checkBase } from '../src/federated/check-base.ts'
import { clipProgram } from '../src/federated/clip.ts'
import { createKeeper, type Keeper, type KeeperOptions } from '../src/federated/keeper.ts'
import { describeBase } from '../src/federated/lineage.ts'
import { decodeOffer } from '../src/federated/offer.ts'
import { encodeParameters } from '../src/federated/parameters.ts'
import { type Carriage, fetchNewest, isBetter, type Part, takePart } from '../src/federated/take-part.ts'
import { learnFrom, learningTask, type PreparedTraining, tensorsRoot } from '../src/federated/training.ts'
import { decodeUpdate, encodeUpdate, type UpdateMessage } from '../src/federated/update-message.ts'
import { episode, habit, tinyBase, tinyTraining } from './tiny-training.ts'

const SETTINGS = { seconds: 100, least: 1, most: 8, norm: 100, kept: 3 }
const person = (n: number): Hex => `0x${n.toString(16).padStart(32, '0')}`

const storage = () => {
  const values = new Map<string, Uint8Array>()
  return {
    values,
    get: async (key: string) => values.get(key),
    put: async (key: string, value: Uint8Array) => void values.set(key, value.slice()),
    delete: async (key: string) => void values.delete(key),
  }
}

let executor: Executor
let training: PreparedTraining
test.before(async () => {
  executor = await createWasmExecutor({ threads: 1 })
  training = tinyTraining(executor)
})
test.after(() => executor.close())

const keep = (more: Partial<KeeperOptions> = {}): Promise<Keeper> =>
  createKeeper({
    ...{ executor, training, name: 'the node', base: tinyBase(), storage: storage(), settings: SETTINGS },
    ...more,
  })

/** A keeper reached without a wire; `sent` is all that it was told. */
const carriageTo = (keeper: Keeper, now: () => number, sent: Uint8Array[] = []): Carriage => ({
  offer: async () => keeper.offer(),
  base: async () => ({ ok: true, value: keeper.base() }),
  blob: (hash) => keeper.blob(hash),
  give: (update) => {
    sent.push(update)
    return keeper.receive(update, now())
  },
})
const partWith = (keeper: Keeper, now = () => 10, sent: Uint8Array[] = []): Part => ({
  ...{ executor, training },
  carriage: carriageTo(keeper, now, sent),
})

const mine = habit('npm run check && git push')
const others = habit('npm run check && git pull')
const heldOut = [habit('npm run check && git diff', 3)]

const whyNot = async (
  given: Promise<{ ok: boolean; fault?: { code: string; field: string; value: unknown } }>,
) => {
  const result = await given
  return result.ok ? 'taken' : `${result.fault!.code} ${result.fault!.value}`
}

test('two people improve a base for a third, and what of it is proved is said', async () => {
  const keeper = await keep()
  await keeper.open(0)
  const sent: Uint8Array[] = []
  const part = partWith(keeper, () => 10, sent)
  unwrap(await takePart(part, [mine], 'update', person(1)))
  unwrap(await takePart(part, [others], 'episodes', person(2)))
  assert.equal(await keeper.tick(99), undefined, 'the round is open until its deadline')
  const end = await keeper.tick(100)
  assert.ok(end?.kind === 'published')
  assert.deepEqual(
    end.lineage.members.map(({ checked }) => checked),
    ['private', 're-executed'],
  )
  assert.match(describeBase(end.lineage).join(' '), /1 update again.*1 update could not be run again/)

  const arrived = unwrap(await fetchNewest(part, { check: true }))
  assert.deepEqual(arrived.finding, {
    differs: [],
    reExecuted: [person(2)],
    private: [person(1)],
    missing: [],
  })
  const found = unwrap(await isBetter(training, tinyBase(), arrived.parameters, heldOut))
  assert.ok(found.better && found.after < found.before - 1, JSON.stringify(found))

  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
  assert.ok(!text(sent[0]!).includes('npm run'), 'of a private update no text is sent')
  assert.ok(text(sent[1]!).includes('npm run'))
})

test('who shares nothing sends nothing, and asks nothing', async () => {
  const keeper = await keep()
  await keeper.open(0)
  const carriage = new Proxy({} as Carriage, { get: () => assert.fail('the keeper was asked') })
  const result = await takePart({ executor, training, carriage }, [mine], 'nothing', person(1))
  assert.ok(!result.ok && result.fault.code === 'consent-missing')
})

test('a base does not depend on who came first', async () => {
  const roots: Hex[] = []
  for (const order of [
    [1, 2, 3],
    [3, 1, 2],
  ]) {
    const keeper = await keep()
    await keeper.open(0)
    const texts = [mine, others, habit('git commit -a')]
    for (const who of order)
      unwrap(await takePart(partWith(keeper), [texts[who - 1]!], 'update', person(who)))
    assert.ok((await keeper.tick(100))?.kind === 'published')
    roots.push(keeper.base().root)
  }
  assert.equal(roots[0], roots[1])
})

test('poisoned updates: malformed, replayed, copied, false, idle, late, not finite, and a lie about shared episodes', async () => {
  const keeper = await keep()
  await keeper.open(0)
  const offer = unwrap(decodeOffer(keeper.offer()!))
  const inputs = unwrap(await training.inputsOf(tinyBase(), [mine]))
  const learned = await learnFrom(executor, training, tinyBase(), inputs)
  const honest: UpdateMessage = {
    ...{ round: offer.round, participant: person(1), share: 'update', episodes: [] },
    ...learned,
  }
  const changed = (more: Partial<UpdateMessage>): Uint8Array => encodeUpdate({ ...honest, ...more })
  const receipt = (more: object): Uint8Array => changed({ receipt: { ...honest.receipt, ...more } })
  const give = (bytes: Uint8Array, now = 10): Promise<string> => whyNot(keeper.receive(bytes, now))
  const zero: Hex = `0x${'00'.repeat(32)}`

  const bytes = encodeUpdate(honest)
  for (const cut of [0, 1, 4, 100, bytes.length - 1])
    assert.match(await give(bytes.subarray(0, cut)), /malformed/, `cut at ${cut}`)
  assert.match(await give(Uint8Array.of(...bytes, 0)), /malformed/)
  assert.match(await give(new Uint8Array(bytes.length).fill(255)), /malformed/)
  assert.match(await give(receipt({ strange: 1 })), /update-malformed/)
  assert.match(await give(changed({ participant: '0x01' })), /update-malformed/)
  assert.match(await give(changed({ episodes: [mine] })), /malformed/, 'episodes where none are shared')
  assert.match(await give(changed({ share: 'episodes', episodes: [] })), /malformed/)
  assert.match(
    await give(changed({ share: 'episodes', episodes: [new Uint8Array(2 ** 20 + 1)] })),
    /malformed/,
  )
  assert.match(await give(changed({ parameters: learned.parameters.slice(1) })), /parameters-malformed/)

  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e30]) {
    const [first, ...rest] = learned.parameters as [Tensor, ...Tensor[]]
    const values = f32Values(first)
    values[3] = bad
    const parameters = [f32Tensor(first.shape, values), ...rest]
    assert.match(await give(changed({ parameters })), /parameters-malformed/, String(bad))
  }

  assert.equal(await give(changed({ round: offer.round + 1 })), 'update-refused round-other')
  assert.equal(await give(receipt({ program: zero })), 'update-refused training-other')
  assert.equal(await give(receipt({ steps: 1 })), 'update-refused training-other')
  assert.equal(await give(receipt({ inputs: [zero, zero] })), 'update-refused training-other')
  const otherBase = { state: zero, parameters: honest.receipt.before.parameters }
  assert.equal(await give(receipt({ before: otherBase })), 'update-refused training-other')
  const scaled = scaledBy(1000, learned.parameters)
  assert.equal(await give(changed({ parameters: scaled })), 'update-refused receipt-false')
  const idle = { ...honest.receipt.after, parameters: tensorsRoot(tinyBase()) }
  assert.equal(
    await give(changed({ parameters: tinyBase(), receipt: { ...honest.receipt, after: idle } })),
    'update-refused update-idle',
  )
  assert.equal(await give(bytes, 100), 'update-refused round-closed')

  assert.equal(await give(bytes), 'taken')
  assert.equal(await give(bytes), 'update-refused update-again')
  assert.equal(await give(changed({ participant: person(2) })), 'update-refused update-copied')

  // Says that it learned from these episodes what it did not.
  const lie = scaledBy(1.5, learned.parameters)
  const after = { ...honest.receipt.after, parameters: tensorsRoot(lie) }
  const liar: Partial<UpdateMessage> = {
    ...{ participant: person(3), share: 'episodes', episodes: [mine], parameters: lie },
    receipt: { ...honest.receipt, after },
  }
  assert.equal(await give(changed(liar)), 'taken')
  const unreadable = { ...liar, participant: person(4), episodes: [Uint8Array.of(255)] }
  const other = scaledBy(1.25, learned.parameters)
  const afterOther = { ...honest.receipt.after, parameters: tensorsRoot(other) }
  assert.equal(
    await give(
      changed({ ...unreadable, parameters: other, receipt: { ...honest.receipt, after: afterOther } }),
    ),
    'taken',
  )
  const end = await keeper.tick(100)
  assert.ok(end?.kind === 'published')
  assert.deepEqual(
    end.lineage.members.map(({ participant }) => participant),
    [person(1)],
  )
  const out = end.lineage.refused.filter(({ why }) => why === 'run-differs')
  assert.deepEqual(
    out.map(({ participant }) => participant),
    [person(3), person(4)],
  )

  // What was sent to this round does not fit the next.
  await keeper.open(200)
  assert.equal(await give(bytes, 210), 'update-refused round-other')
  assert.equal(await give(changed({ round: offer.round + 1 }), 210), 'update-refused training-other')
})

test('an update times a thousand moves a base no further than an honest one, and honest people lose little', async () => {
  const results: { [who: string]: number } = {}
  for (const attacked of [false, true]) {
    const keeper = await keep()
    await keeper.open(0)
    const part = partWith(keeper)
    unwrap(await takePart(part, [mine], 'update', person(1)))
    unwrap(await takePart(part, [others], 'update', person(2)))
    if (attacked) unwrap(await give(keeper, -1000))
    const end = await keeper.tick(100)
    assert.ok(end?.kind === 'published')
    const { norm, members } = end.lineage
    const base = unwrap(await fetchNewest(part, { check: true })).parameters
    if (attacked) assert.ok(members[2]!.norm > 100 * norm.bound)
    // The mean of three vectors of at most this length; rounding may add a little.
    assert.ok(distance(base, tinyBase()) <= norm.bound * 1.0001)
    results[String(attacked)] = unwrap(await isBetter(training, tinyBase(), base, heldOut)).after
  }
  const start = unwrap(await training.bits(tinyBase(), heldOut))
  assert.ok(results.true! < start - 0.5, `${results.true} bits under attack, ${start} before`)

  async function give(keeper: Keeper, factor: number) {
    const offer = unwrap(decodeOffer(keeper.offer()!))
    const { parameters, receipt } = await learnFrom(
      executor,
      training,
      tinyBase(),
      unwrap(await training.inputsOf(tinyBase(), [mine])),
    )
    const scaled = scaledBy(factor, parameters)
    const after = { ...receipt.after, parameters: tensorsRoot(scaled) }
    const message: UpdateMessage = {
      ...{ round: offer.round, participant: person(3), share: 'update', episodes: [] },
      ...{ parameters: scaled, receipt: { ...receipt, after } },
    }
    return keeper.receive(encodeUpdate(message), 10)
  }
})

test('a keeper with held-out use of its own publishes no worse base, and people take no worse one', async () => {
  const judge = async (parameters: readonly Tensor[]): Promise<number> =>
    unwrap(await training.bits(parameters, [episode('0123456789'.repeat(6))]))
  const keeper = await keep({ judge })
  const before = keeper.base()
  await keeper.open(0)
  // Learned from what the keeper's own use is nothing like, and the more surely wrong there.
  unwrap(await takePart(partWith(keeper), [habit('abcdefgh abcdefgh')], 'update', person(1)))
  const end = await keeper.tick(100)
  assert.equal(end?.kind, 'worse')
  assert.deepEqual(keeper.base(), before)

  const easy = await keep()
  await easy.open(0)
  unwrap(await takePart(partWith(easy), [habit('abcdefgh abcdefgh')], 'update', person(1)))
  assert.equal((await easy.tick(100))?.kind, 'published')
  const arrived = unwrap(await fetchNewest(partWith(easy), { check: false }))
  const found = unwrap(
    await isBetter(training, tinyBase(), arrived.parameters, [episode('0123456789'.repeat(6))]),
  )
  assert.equal(found.better, false)
})

test('what a lying keeper serves is not used', async () => {
  const keeper = await keep()
  await keeper.open(0)
  const part = partWith(keeper)
  unwrap(await takePart(part, [mine], 'episodes', person(1)))
  unwrap(await takePart(part, [others], 'update', person(2)))
  const end = await keeper.tick(100)
  assert.ok(end?.kind === 'published')
  const { base, lineage } = end
  const served = (more: Partial<Carriage>): Part => ({ ...part, carriage: { ...part.carriage, ...more } })
  const whyNotUsed = async (from: Part): Promise<string> => {
    const arrived = await fetchNewest(from, { check: true })
    return arrived.ok ? 'used' : arrived.fault.code
  }
  assert.equal(await whyNotUsed(part), 'used')
  assert.equal(await whyNotUsed(served({ blob: async () => undefined })), 'blob-missing')
  const otherBytes = encodeParameters(tinyBase(2))
  assert.equal(await whyNotUsed(served({ blob: async () => otherBytes })), 'blob-false')
  const swapped = { ...base, root: tensorsRoot(tinyBase(2)) }
  assert.equal(await whyNotUsed(served({ base: async () => ({ ok: true, value: swapped }) })), 'base-false')

  // Each lie about the lineage is found by whoever makes the base again.
  const parent = unwrap(await fetchNewest(partWith(await keep()), { check: false })).parameters
  const result = unwrap(await fetchNewest(part, { check: false })).parameters
  const updates = await Promise.all(lineage.members.map(({ update }) => keeper.blob(update)))
  const [one, two] = lineage.members as [(typeof lineage.members)[0], (typeof lineage.members)[0]]
  const lies = [
    { lineage: { ...lineage, members: [{ ...one, norm: one.norm * 2 }, two] }, at: 'members[0].norm' },
    {
      lineage: { ...lineage, members: [one, { ...two, checked: 're-executed' as const }] },
      at: 'members[1].checked',
    },
    { lineage: { ...lineage, norm: { ...lineage.norm, bound: 1 } }, at: 'norm.bound' },
    { lineage: { ...lineage, average: null }, at: 'average' },
    { lineage: { ...lineage, training: { ...lineage.training, steps: 1 } }, at: 'training.steps' },
  ]
  for (const lie of lies) {
    const finding = await checkBase(executor, training, lie.lineage, { parent, updates, result })
    assert.ok(finding.differs.includes(lie.at), `${lie.at}: ${finding.differs}`)
  }
  const moved = scaledBy(1.1, result)
  const finding = await checkBase(
    executor,
    training,
    { ...lineage, result: tensorsRoot(moved) },
    { parent, updates, result: moved },
  )
  assert.deepEqual(finding.differs, ['result'])
  const without = await checkBase(executor, training, lineage, {
    parent,
    updates: [undefined, updates[1]],
    result,
  })
  assert.deepEqual(without, { differs: [], reExecuted: [], private: [person(2)], missing: [person(1)] })
})

test('a keeper goes on where it was, keeps what its last rounds need, and forgets what is older', async () => {
  const shelf = storage()
  const first = await keep({ storage: shelf })
  await first.open(0)
  assert.deepEqual(unwrap(decodeOffer(first.offer()!)).round, 1)
  const second = await keep({ storage: shelf })
  assert.deepEqual(second.base(), first.base())
  const sizes: number[] = []
  for (let n = 0; n < 6; n++) {
    await second.open(n * 1000)
    assert.equal(
      unwrap(decodeOffer(second.offer()!)).round,
      n + 2,
      'a round that was lost is not opened again',
    )
    const part = partWith(second, () => n * 1000 + 1)
    unwrap(await takePart(part, [mine], 'update', person(n)))
    assert.equal((await second.tick(n * 1000 + 100))?.kind, 'published')
    assert.ok((await fetchNewest(part, { check: true })).ok)
    sizes.push(shelf.values.size)
  }
  assert.equal(sizes.at(-1), sizes.at(-2), `${sizes}`)
  const third = await keep({ storage: shelf })
  assert.deepEqual(third.base(), second.base())
  const { blob } = third.base()
  shelf.values.set(`rounds/blob/${blob.slice(2)}`, Uint8Array.of(1))
  await assert.rejects(keep({ storage: shelf }), /keeper-damaged/)
})

test('a round of too few ends without a base', async () => {
  const keeper = await keep({ settings: { ...SETTINGS, least: 2 } })
  const before = keeper.base()
  await keeper.open(0)
  unwrap(await takePart(partWith(keeper), [mine], 'update', person(1)))
  assert.deepEqual(await keeper.tick(100), { kind: 'too-few', round: 1 })
  assert.deepEqual(keeper.base(), before)
  assert.equal(keeper.offer(), undefined)
})

test('learning from shared episodes is a task of the network, and so are the clips and the mean of a base', async () => {
  const inputs = unwrap(await training.inputsOf(tinyBase(), [mine]))
  const { receipt } = await learnFrom(executor, training, tinyBase(), inputs)
  const task = learningTask(training, tinyBase(), inputs)
  assert.deepEqual(receiptTaskFields(receipt), taskFields(task))
  assert.ok(validateTask(training.program).ok)
  assert.ok(validateTask(clipProgram(training.parameters)).ok)
  const runner = await executor.compile(training.program, inputs)
  const claim = await runClaim(task, runner)
  runner.close()
  assert.equal(toHex(claimRoot(claim)), receiptClaimRoot(receipt))
})

test('an update comes back from its bytes, and any changed byte is refused or another update', async () => {
  const inputs = unwrap(await training.inputsOf(tinyBase(), [mine]))
  const learned = await learnFrom(executor, training, tinyBase(), inputs)
  const message: UpdateMessage = {
    ...{ round: 1, participant: person(1), share: 'episodes', episodes: [mine] },
    ...learned,
  }
  const bytes = encodeUpdate(message)
  assert.deepEqual(unwrap(decodeUpdate(bytes, training.parameters)), message)
  for (let at = 0; at < bytes.length; at += 97) {
    const read = decodeUpdate(bytes.with(at, bytes[at]! ^ 64), training.parameters)
    if (read.ok) assert.notDeepEqual(read.value, message)
  }
})

function scaledBy(factor: number, parameters: readonly Tensor[]): Tensor[] {
  const base = tinyBase()
  return parameters.map((tensor, t) => {
    const from = f32Values(base[t]!)
    return f32Tensor(
      tensor.shape,
      f32Values(tensor).map((value, i) => from[i]! + factor * (value - from[i]!)),
    )
  })
}

function distance(a: readonly Tensor[], b: readonly Tensor[]): number {
  let sum = 0
  for (const [t, tensor] of a.entries()) {
    const other = f32Values(b[t]!)
    for (const [i, value] of f32Values(tensor).entries()) sum += (value - other[i]!) ** 2
  }
  return Math.sqrt(sum)
}
