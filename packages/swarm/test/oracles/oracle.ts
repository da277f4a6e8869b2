/**
 * An oracle knows a family only by its prompts: it parses the text between the tag and the `=`, and decides
 * whether an answer is right. It shares no code with the family, so that the two can disagree.
 */
export type Oracle = (body: string, answer: string) => boolean

/** The oracle of a family with one right answer. */
export const only =
  (solve: (body: string) => string): Oracle =>
  (body, answer) =>
    solve(body) === answer

/** The groups of a body that has to have this form. */
export const parse = (body: string, form: RegExp): string[] => {
  const found = form.exec(body)
  if (!found) throw new Error(`the prompt's body ${JSON.stringify(body)} is not of the form ${form}`)
  return found.slice(1)
}

export const flip = (text: string): string => [...text].reverse().join('')
