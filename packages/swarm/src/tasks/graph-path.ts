import { type Family, family } from './family.ts'
import { A, below, code, order, zeroes } from './writing.ts'

const NODES = 8

/**
 * `path ae:ab bc ce=` -> `abce`: any walk along the edges (each from its first letter to its second); `no` where
 * there is none, which is one task in eight. Up to 40 for the steps that are right from the start on.
 */
export const graphPath: Family = family({
  name: 'graph-path',
  about: 'A way along the edges of a graph.',
  levels: 16,
  write: (m) => {
    const nodes = m.level.div(3).add(3)
    const name = order(m, NODES)
    const source = name.at(0)
    const steps = m.draw(2, nodes.sub(1).min(4))
    const target = name.at(steps)
    const cut = m.draw(0, 7).eq(0)

    // The way comes first, then what distracts; where there shall be none, no edge leads to the target.
    const edges = m.list(20)
    const count = steps.add(m.level)
    const linked = zeroes(m, NODES * NODES)
    m.loop(count, (i) => {
      const onWay = i.lt(steps)
      const from = m.choose(onWay, i, below(m, nodes))
      const to = m.variable(m.choose(onWay, i.add(1), from.add(m.draw(1, nodes.sub(1))).rem(nodes)))
      m.when(cut.and(to.eq(steps)), () => to.set(m.choose(from.eq(0), 1, 0)))
      edges.set(i, name.at(from).mul(NODES).add(name.at(to)))
      linked.set(edges.at(i), 1)
    })
    m.shuffle(edges, count)
    m.prompt.write('path ')
    m.prompt.character(source.add(A))
    m.prompt.character(target.add(A))
    m.loop(count, (i) => {
      const edge = edges.at(i)
      m.prompt.character(m.choose(i.eq(0), code(':'), code(' ')))
      m.prompt.character(edge.div(NODES).add(A))
      m.prompt.character(edge.rem(NODES).add(A))
    })
    m.prompt.write('=')

    // Breadth first from the target backwards: every node that reaches it knows its next node.
    const next = m.list(NODES)
    const queue = m.list(NODES)
    const taken = m.variable(0)
    const known = m.variable(1)
    m.loop(NODES, (i) => next.set(i, NODES))
    next.set(target, target)
    queue.set(0, target)
    m.while(
      () => taken.lt(known),
      () => {
        const to = m.variable(queue.at(taken))
        taken.increase(1)
        m.loop(NODES, (from) => {
          m.when(linked.at(from.mul(NODES).add(to)).and(next.at(from).eq(NODES)), () => {
            next.set(from, to)
            queue.set(known, from)
            known.increase(1)
          })
        })
      },
    )
    const reached = next.at(source).ne(NODES)
    m.when(
      reached,
      () => {
        const at = m.variable(source)
        m.while(
          () => at.ne(target),
          () => {
            m.solution.character(at.add(A))
            at.set(next.at(at))
          },
        )
        m.solution.character(at.add(A))
      },
      () => m.solution.write('no'),
    )

    const length = m.answer.length
    const right = m.variable(0)
    const so = m.variable(m.answer.at(0).eq(source.add(A)).and(length.ge(2)))
    const at = m.variable(source)
    m.while(
      () => so.and(right.add(1).lt(length)),
      () => {
        const to = m.answer.at(right.add(1)).sub(A)
        so.set(to.lt(NODES))
        m.when(so, () => so.set(linked.at(at.mul(NODES).add(to))))
        m.when(so, () => {
          at.set(to)
          right.increase(1)
        })
      },
    )
    const denied = m.answer.equals(m.solution)
    const arrived = so.and(at.eq(target))
    const partly = right.mul(40).div(m.choose(length, length, 1))
    m.score(m.choose(reached, m.choose(arrived, 100, partly), denied.mul(100)))
  },
})
