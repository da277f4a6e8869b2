/** The roots of the page and of Node beside each other, and what follows from them. */
export type RootsTable = {
  readonly addOurs: (step: number, root: string) => void
  readonly addTheirs: (step: number, root: string) => void
  readonly clear: () => void
}

type Row = { readonly element: HTMLTableRowElement; ours?: string; theirs?: string }

export type Verdict = { readonly state: 'none' | 'equal' | 'differs'; readonly words: string }

export const createRootsTable = (
  host: HTMLElement,
  whole: HTMLInputElement,
  onVerdict: (verdict: Verdict) => void,
): RootsTable => {
  const rows = new Map<number, Row>()
  const body = document.createElement('tbody')
  host.tabIndex = 0 // not every browser lets the keyboard scroll otherwise

  const head = (): HTMLTableElement => {
    const table = document.createElement('table')
    const row = table.createTHead().insertRow()
    for (const words of ['Step', 'This page', 'Node', 'Bits']) {
      const cell = document.createElement('th')
      cell.scope = 'col'
      cell.textContent = words
      row.append(cell)
    }
    table.append(body)
    return table
  }

  const shown = (root: string): string => (whole.checked ? root : `${root.slice(0, 6)}…${root.slice(-4)}`)
  const cell = (row: HTMLTableRowElement, root: string | undefined, otherwise: string): void => {
    const td = row.insertCell()
    if (root === undefined) {
      td.textContent = otherwise
      return
    }
    const code = document.createElement('code')
    code.textContent = shown(root)
    code.title = root
    td.append(code)
  }

  const draw = (step: number, { element, ours, theirs }: Row): void => {
    element.replaceChildren()
    const name = document.createElement('th')
    name.scope = 'row'
    name.textContent = String(step)
    element.append(name)
    cell(element, ours, '…')
    cell(element, theirs, 'computing')
    const verdict = element.insertCell()
    if (ours === undefined || theirs === undefined) return
    verdict.className = ours === theirs ? 'equal' : 'differs'
    verdict.textContent = ours === theirs ? 'equal' : 'differ'
  }

  const judge = (): void => {
    const compared = [...rows].filter(([, { ours, theirs }]) => ours !== undefined && theirs !== undefined)
    const wrong = compared.find(([, { ours, theirs }]) => ours !== theirs)
    if (wrong) onVerdict({ state: 'differs', words: `The states differ after step ${wrong[0]}.` })
    else if (compared.length === 0)
      onVerdict({
        state: 'none',
        words: rows.size > 0 ? 'Node is computing.' : 'No roots yet: the first comes after ten steps.',
      })
    else {
      const last = Math.max(...compared.map(([step]) => step))
      const waiting = rows.size - compared.length
      const behind = waiting > 0 ? ` Node is still computing ${waiting} more.` : ''
      const count = compared.length === 2 ? 'Both' : `All ${compared.length}`
      const roots = compared.length === 1 ? 'The root is equal' : `${count} roots are equal`
      onVerdict({ state: 'equal', words: `${roots} to Node’s until step ${last}, to the last bit.${behind}` })
    }
  }

  const change = (step: number, part: { ours: string } | { theirs: string }): void => {
    if (rows.size === 0) host.replaceChildren(head())
    let row = rows.get(step)
    if (!row) {
      row = { element: body.insertRow(0) } // the latest is at the top
      rows.set(step, row)
    }
    Object.assign(row, part)
    draw(step, row)
    judge()
  }

  whole.addEventListener('change', () => {
    for (const [step, row] of rows) draw(step, row)
  })
  return {
    addOurs: (step, root) => change(step, { ours: root }),
    addTheirs: (step, root) => change(step, { theirs: root }),
    clear: () => {
      rows.clear()
      body.replaceChildren()
      host.replaceChildren()
      judge()
    },
  }
}
