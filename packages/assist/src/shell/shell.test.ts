import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import fc from 'fast-check'
import { shellEnvironment } from '../environment/shell.ts'
import { textSymbols } from '../environment/text.ts'
import { decodeEpisode, encodeEpisode } from '../episode/episode.ts'
import { commandsOf, completions } from './commands.ts'
import { emptySession, type Shown, withCommand } from './session.ts'

const text = (symbols: Uint16Array): string => String.fromCharCode(...symbols)

test('a line is seen behind the commands before it, and an offer is an argument or the rest of the command', () => {
  const shell = shellEnvironment()
  const state = { typed: 'git pu', before: ['ls -la', 'git add .'] }
  assert.equal(text(shell.context(state, 100)), 'ls -la\ngit add .\ngit pu')
  assert.equal(text(shell.context(state, 9)), ' .\ngit pu')
  assert.deepEqual(shell.actionOf(textSymbols('sh\n'), state), { run: 'sh' })
  assert.deepEqual(shell.actionOf(textSymbols('sh'), state), { typed: 'sh' })
  assert.equal(shell.actionOf(textSymbols('sh\nls\n'), state), undefined)
  assert.equal(text(shell.symbolsOf({ run: 'sh' }, state)), 'sh\n')
  assert.equal(shell.offers.ends(textSymbols('sh'), state, 0x20), true)
  assert.equal(shell.offers.ends(textSymbols('sh'), state, 0x61), false)
  assert.equal(shell.saved(textSymbols('sh\n'), state), 1)
})

test('what was run after the same command comes first, then what was run lately; arguments come last', () => {
  const commands = ['git add .', 'git commit -a', 'ls', 'git status', 'make -j4 all', 'git add .']
  assert.deepEqual(completions(commands, '', 2), ['git commit -a', 'git add .'])
  assert.deepEqual(completions(commands, 'git s', 3), ['git status'])
  assert.deepEqual(completions(commands, 'make clean a', 3), ['make clean all'])
  assert.deepEqual(completions(commands, 'make -j4 all', 3), [])
  assert.deepEqual(completions([], '', 3), [])
  assert.deepEqual(completions(commands, 'rm ', 3), [])
})

test('completions are different lines that go on from what is typed, and no more than were asked for', () => {
  const word = fc.constantFrom('git', 'ls', 'add', '-a', '.', 'x y', '')
  const line = fc.array(word, { maxLength: 4 }).map((words) => words.join(' '))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), line, fc.nat(6), (commands, typed, most) => {
      const found = completions(commands, typed, most)
      assert.ok(found.length <= most && new Set(found).size === found.length)
      for (const one of found) assert.ok(one.startsWith(typed) && one !== typed)
    }),
  )
})

test('a session keeps what was run, what was offered and what became of it, and no secret', () => {
  let session = emptySession(1_700_000_000_000)
  const run = (command: string, shown?: Shown): void => {
    session = withCommand(session, command, session.began + 5, shown) ?? session
  }
  run('git status')
  run('git push', { typed: 'git', line: 'git push' })
  run('git push --tags', { typed: 'git', line: 'git push' })
  run('git pull', { typed: 'git pu', line: 'git push' })
  run('ls', { typed: 'git', line: 'git push' })
  run('curl -H "Authorization: Bearer abcdefghijklmnop123456" https://api.example')
  run('export API_KEY=sk-abcdefghijklmnop1234')
  run('echo ä')
  const kept = unwrap(decodeEpisode(encodeEpisode(session)))
  assert.deepEqual(commandsOf(kept), [
    ...['git status', 'git push', 'git push --tags', 'git pull', 'ls', 'echo ä'],
  ])
  const signals = kept.events.flatMap((event) => (event.kind === 'signal' ? [event.signal] : []))
  assert.deepEqual(signals, ['accepted', 'accepted', 'edited', 'ignored', 'ignored'])
  const all = kept.events.map((event) => ('symbols' in event ? text(event.symbols) : '')).join('')
  assert.ok(!all.includes('abcdefgh'))
  assert.equal(withCommand(session, 'x'.repeat(3000), 1), undefined)
})
