type Attributes = Readonly<Record<string, string | number | boolean>>

const SVG = 'http://www.w3.org/2000/svg'

const filled = <E extends Element>(
  element: E,
  attributes: Attributes,
  children: readonly (Node | string)[],
): E => {
  for (const [name, value] of Object.entries(attributes))
    if (value !== false) element.setAttribute(name, value === true ? '' : String(value))
  element.append(...children)
  return element
}

/** An element with its attributes and what is in it. `false` leaves an attribute out. */
export const make = <Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] => filled(document.createElement(name), attributes, children)

/** The same for drawings. */
export const draw = (name: string, attributes: Attributes = {}, ...children: (Node | string)[]): SVGElement =>
  filled(document.createElementNS(SVG, name), attributes, children)

/** The element of the page with this id, of this kind. */
export const byId = <E extends HTMLElement = HTMLElement>(id: string): E => {
  const found = document.getElementById(id)
  if (!found) throw new Error(`The page has no element #${id}.`)
  return found as E
}

/** A button that does something. */
export const button = (words: string, label: string, act: () => void): HTMLButtonElement => {
  const made = make('button', { type: 'button', class: 'small', 'aria-label': label }, words)
  made.addEventListener('click', act)
  return made
}
