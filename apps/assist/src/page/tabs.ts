/** Tabs as the ARIA practices have them: one is in the order of focus, arrows go to the others. Hears of the one chosen. */
export const openTabs = (list: HTMLElement, chosen: (place: string) => void): void => {
  const tabs = [...list.querySelectorAll<HTMLButtonElement>('[role=tab]')]
  const choose = (tab: HTMLButtonElement): void => {
    for (const one of tabs) {
      const isChosen = one === tab
      one.setAttribute('aria-selected', String(isChosen))
      one.tabIndex = isChosen ? 0 : -1
      const place = document.getElementById(one.getAttribute('aria-controls') ?? '')
      if (place) place.hidden = !isChosen
    }
    chosen(tab.getAttribute('aria-controls') ?? '')
  }
  for (const [i, tab] of tabs.entries()) {
    tab.addEventListener('click', () => choose(tab))
    tab.addEventListener('keydown', ({ key }) => {
      const to =
        key === 'ArrowRight'
          ? i + 1
          : key === 'ArrowLeft'
            ? i - 1
            : key === 'Home'
              ? 0
              : key === 'End'
                ? -1
                : i
      const next = tabs.at(to % tabs.length)
      if (!next || next === tab) return
      next.focus()
      choose(next)
    })
  }
}
