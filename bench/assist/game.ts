import { createHash } from 'node:crypto'
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Row } from '../row.ts'
import { interval } from '../swarm/interval.ts'
import { plotLines } from '../swarm/plot.ts'
import type { Section, Work } from '../swarm/section.ts'
import { type GameFigures, type GamePiece, type GameResult, type Help, playPerson } from './game-people.ts'

/** How often people play, how many there are, after how many games the model learns, and the patience. */
const SIZES = {
  whole: { people: 48, games: 30, every: 6, patience: 10 },
  quick: { people: 3, games: 8, every: 4, patience: 10 },
}
/** Games of a part of the curves. */
const PART = 5
/** Settings of patience that are measured beside each other, with the first people. */
const PATIENCES = { allowed: [3, 10, 30], people: 4 }

const CALLED: { readonly [H in Help]: string } = {
  ours: 'ours',
  untrained: 'without training',
  goals: 'goal prior',
  static: 'static model',
}

type Measure = {
  readonly name: string
  readonly unit: string
  readonly of: (games: readonly GameFigures[]) => number
}
const total = (games: readonly GameFigures[], of: Exclude<keyof GameFigures, 'heldOut'>): number =>
  games.reduce((sum, game) => sum + game[of], 0)
const SAVED: Measure = {
  ...{ name: 'moves saved', unit: '%' },
  of: (games) => 100 * (1 - total(games, 'actions') / total(games, 'alone')),
}
const ACCEPTED: Measure = {
  ...{ name: 'accept rate', unit: '%' },
  of: (games) => (100 * total(games, 'accepted')) / Math.max(1, total(games, 'offered')),
}
/** The same, where somebody was offered something at all. */
const ACCEPTED_IF_OFFERED: Measure = {
  ...ACCEPTED,
  of: (games) => (total(games, 'offered') > 0 ? ACCEPTED.of(games) : Number.NaN),
}
const UNWANTED: Measure = {
  ...{ name: 'unwanted offers', unit: 'per 100 actions' },
  of: (games) => (100 * total(games, 'unwanted')) / total(games, 'actions'),
}

export const work: Work<GamePiece, GameResult> = (executor, _, piece) => playPerson(executor, piece)

/**
 * Ours beside another, person by person: met where the difference of pairs is surely above 0. Whoever lacks one of the two, as who
 * built nothing of a kind, is left out.
 */
const pair = (
  what: string,
  unit: string,
  ours: readonly number[],
  against: string,
  theirs: readonly number[],
): Row => {
  const both = ours.flatMap((value, i) =>
    Number.isFinite(value - theirs[i]!) ? [[value, theirs[i]!] as const] : [],
  )
  const [own, other] = [interval(both.map(([value]) => value)), interval(both.map(([, value]) => value))]
  const better = interval(both.map(([value, their]) => value - their))
  return {
    ...{ what, ours: own.mean, unit, against, theirs: other.mean, ratio: own.mean / other.mean, target: 1 },
    ...{ met: better.low > 0, low: own.low, high: own.high },
  }
}

/** People who build with help, game after game: what it saves them, what they take, and what they did not want. */
export const section: Section = async ({ quick, tell, folderOf, results }) => {
  const { people, games, every, patience } = quick ? SIZES.quick : SIZES.whole
  const helps: readonly Help[] = quick ? ['ours', 'goals'] : ['ours', 'untrained', 'goals', 'static']
  const folder = folderOf({ study: 'game', games, every, code: codeOf() })
  const piecesOf = (help: Help, count: number, allowed: number): GamePiece[] =>
    Array.from({ length: count }, (_, person) => {
      const name = `${help}-${allowed}-${person}`
      return { name, help, person, games, every, patience: allowed }
    })
  const others = quick ? [] : PATIENCES.allowed.filter((allowed) => allowed !== patience)
  const pieces = [
    ...helps.flatMap((help) => piecesOf(help, people, patience)),
    ...others.flatMap((allowed) => piecesOf('ours', PATIENCES.people, allowed)),
  ]
  const found = new Map<string, GameResult>()
  for (const [i, result] of (await results<GamePiece, GameResult>(folder, pieces)).entries())
    found.set(pieces[i]!.name, result)
  const resultsOf = (help: Help, count = people, allowed = patience): GameResult[] =>
    piecesOf(help, count, allowed).map(({ name }) => found.get(name)!)
  const each = (help: Help, { of }: Measure, some = (all: readonly GameFigures[]) => all): number[] =>
    resultsOf(help).map((result) => of(some(result.games)))

  tell('game, people', `${people}, ${games} goals each, half of them of families that the base has not seen`)
  const third = Math.floor(games / 3)
  const late = (all: readonly GameFigures[]) => all.slice(-third)
  const early = (all: readonly GameFigures[]) => all.slice(0, third)
  const heldOut = (all: readonly GameFigures[]) => all.filter((game) => game.heldOut)
  const ours = (measure: Measure, some?: (all: readonly GameFigures[]) => readonly GameFigures[]): number[] =>
    each('ours', measure, some)
  const rows: Row[] = [
    pair('game, moves saved', '%', ours(SAVED), 'no assistant', new Array<number>(people).fill(0)),
  ]
  for (const help of helps) {
    if (help === 'ours') continue
    rows.push(
      pair('game, moves saved', '%', ours(SAVED), CALLED[help], each(help, SAVED)),
      pair(
        'game, moves saved, families never seen',
        '%',
        ours(SAVED, heldOut),
        CALLED[help],
        each(help, SAVED, heldOut),
      ),
      pair('game, accept rate', '%', ours(ACCEPTED), CALLED[help], each(help, ACCEPTED)),
    )
    const parts = [
      ['', SAVED, (all: readonly GameFigures[]) => all],
      [', families never seen', SAVED, heldOut],
      [', first third', SAVED, early],
      [', last third', SAVED, late],
      ['', ACCEPTED, (all: readonly GameFigures[]) => all],
    ] as const
    for (const [where, measure, some] of parts) {
      const differences = ours(measure, some).map((value, i) => value - each(help, measure, some)[i]!)
      const better = interval(differences.filter((value) => Number.isFinite(value)))
      tell(
        `game, ${measure.name}${where}, more than ${CALLED[help]} by`,
        `${better.mean.toFixed(1)} (${better.low.toFixed(1)} to ${better.high.toFixed(1)}) of 100`,
      )
    }
  }
  // What is known of somebody is learned so fast that the first goal, for which nothing is, stands by itself.
  const first = (all: readonly GameFigures[]) => all.slice(0, 1)
  rows.push(
    ...[SAVED, ACCEPTED_IF_OFFERED].map((measure) =>
      pair(
        `game, ${measure.name}, last third`,
        '%',
        ours(measure, late),
        'ours, first goal',
        ours(measure, first),
      ),
    ),
    pair(
      'game, moves saved, families never seen, last third',
      '%',
      ours(SAVED, (all) => heldOut(late(all))),
      'ours, first third',
      ours(SAVED, (all) => heldOut(early(all))),
    ),
  )
  for (const measure of [SAVED, ACCEPTED])
    rows.push(
      pair(
        `game, ${measure.name}, last third`,
        '%',
        ours(measure, late),
        'ours, first third',
        ours(measure, early),
      ),
      pair(
        `game, ${measure.name}, last third`,
        '%',
        ours(measure, late),
        CALLED.goals,
        each('goals', measure, late),
      ),
    )
  for (const allowed of quick ? [patience] : PATIENCES.allowed) {
    const some = resultsOf('ours', allowed === patience ? people : PATIENCES.people, allowed)
    const [all, saved] = [UNWANTED, SAVED].map(({ of }) => interval(some.map((one) => of(one.games))))
    const worst = Math.max(...some.map(({ worstHundred }) => worstHundred))
    rows.push({
      ...{ what: `game, unwanted offers in the worst hundred actions, patience ${allowed}`, unit: 'offers' },
      ...{ ours: worst, against: 'the setting', theirs: allowed, ratio: worst / allowed, target: 1 },
      met: worst <= allowed,
    })
    tell(
      `game, patience ${allowed}`,
      `${all!.mean.toFixed(1)} unwanted per 100 actions, ${saved!.mean.toFixed(1)}% of moves saved`,
    )
  }
  tell(
    'game, updates tried/applied',
    resultsOf('ours')
      .map(({ updates }) => updates.join('/'))
      .join(' '),
  )
  if (!quick) {
    const shown: readonly Help[] = ['static', 'goals', 'untrained', 'ours']
    for (const [file, measure] of [
      ['game-saved', SAVED],
      ['game-accepted', ACCEPTED],
      ['game-unwanted', UNWANTED],
    ] as const) {
      const lines = shown.map((help) => ({
        name: CALLED[help],
        x: Array.from({ length: games / PART }, (_, part) => (part + 1) * PART),
        seeds: resultsOf(help).map((result) =>
          Array.from({ length: games / PART }, (_, part) =>
            measure.of(result.games.slice(part * PART, (part + 1) * PART)),
          ),
        ),
      }))
      const plots = join(import.meta.dirname, '../../docs/assist')
      mkdirSync(plots, { recursive: true })
      const title = `building game: ${measure.name}, ${people} people`
      writeFileSync(
        join(plots, `${file}.svg`),
        plotLines(title, 'goals built', `${measure.name} (${measure.unit})`, lines),
      )
    }
  }
  return rows
}

/** What results depend on beside their setting: the package's sources, the base and the simulation. */
const codeOf = (): string => {
  const root = join(import.meta.dirname, '../..')
  const files = globSync(
    [
      'packages/assist/src/{grid,memory,offering,assistant,environment}/**/*.ts',
      'bench/assist/{game-people,goal-prior,shapes}.ts',
      'data/assist-base-grid.safetensors',
    ],
    { cwd: root },
  )
  const hash = createHash('sha256')
  for (const file of files.filter((name) => !name.endsWith('.test.ts')).sort())
    hash.update(readFileSync(join(root, file)))
  return hash.digest('hex').slice(0, 16)
}
