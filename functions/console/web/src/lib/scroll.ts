// Back and Forward return to where a page was scrolled to, as soon as it has its height again.

const places = new Map<string, number>();
let back = false;

/** Once, after the guard of unsaved work, which may refuse to go. */
export function watchScroll(): void {
  addEventListener('scroll', () => places.set(location.href, scrollY), { passive: true });
  addEventListener('popstate', () => (back = true));
}

/** The page has changed. */
export function arrive(): void {
  const { href } = location;
  const to = back ? (places.get(href) ?? 0) : 0;
  const go = (): void => {
    if (document.documentElement.scrollHeight >= to + innerHeight) scrollTo(0, to);
    else if (location.href === href && scrollY === 0) requestAnimationFrame(go);
  };
  scrollTo(0, 0);
  if (to > 0) go();
}

/** The address has changed, and the page has arrived if it is another one. */
export function settleScroll(): void {
  back = false;
}
