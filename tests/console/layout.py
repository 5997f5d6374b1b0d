"""What a person would see at once on a page: texts that are cut or lie outside of their box,
controls that lie over each other, and where the focus is."""

from playwright.sync_api import Page

# Shared by the probes: what is on the screen, and in front.
SEEN = """
const shown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && element.getBoundingClientRect().width > 1 && !element.closest(".visually-hidden, .skip, [inert]");
const front = () => [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
const named = (element) => `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className} "${(element.textContent || element.getAttribute("aria-label") || "").trim().slice(0, 50)}"`;
"""

CUT = (
    "() => {"
    + SEEN
    + """
    const found = [];
    const texts = document.createTreeWalker(front(), NodeFilter.SHOW_TEXT, (node) => (node.data.trim() && node.parentElement.localName !== "option" ? 1 : 2));
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
        const holder = node.parentElement;
        if (!shown(holder)) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const text = range.getBoundingClientRect();
        // A status is short: no word of it is broken, except a long one on the narrowest display.
        const lines = holder.closest(".status") && innerWidth > 320 ? 1 : 2;
        if (holder.closest("button, .button, summary, label, th, .status"))
            // A line may end behind a hyphen.
            for (const word of node.data.matchAll(/[^ -]+-*/g)) {
                range.setStart(node, word.index);
                range.setEnd(node, word.index + word[0].length);
                if (new Set([...range.getClientRects()].map((rect) => Math.round(rect.top))).size > lines) found.push(`${named(holder)} is in pieces`);
            }
        // Who sees a part can see the whole: by a hint, or by scrolling.
        if (holder.closest("[data-hint]")) continue;
        for (let box = holder; box && box !== document.documentElement; box = box.parentElement) {
            const style = getComputedStyle(box);
            if (/auto|scroll/.test(style.overflowX)) break;
            if (/inline$|contents/.test(style.display)) continue;
            const edge = box.getBoundingClientRect();
            if (edge.width < 2) break;
            const sideways = text.left < edge.left - 1.5 || text.right > edge.right + 1.5;
            const below = style.overflowY === "hidden" && text.bottom > edge.bottom + 3;
            if (sideways || below) {
                found.push(`${named(holder)} ${style.overflowX === "visible" ? "lies outside of" : "is cut by"} ${named(box)}`);
                break;
            }
            // What is put over the page needs no room in what it belongs to.
            if (/absolute|fixed/.test(style.position)) break;
        }
    }
    return found;
}"""
)

OVERLAPPED = (
    "() => {"
    + SEEN
    + """
    const layer = (element) => {
        for (let box = element; box; box = box.parentElement) if (/fixed|sticky/.test(getComputedStyle(box).position) || box.matches("dialog, [role=menu]")) return box;
        return null;
    };
    const controls = [...front().querySelectorAll("a[href], button, input, select, textarea, summary")].filter(shown);
    // What is scrolled out of its box lies over nothing.
    const seen = (control, { left, top, right, bottom }) => {
        for (let box = control.parentElement; box; box = box.parentElement) {
            if (getComputedStyle(box).overflowY === "visible") continue;
            const edge = box.getBoundingClientRect();
            [left, top, right, bottom] = [Math.max(left, edge.left), Math.max(top, edge.top), Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
        }
        return { left, top, right, bottom };
    };
    const boxes = controls.flatMap((control) => [...control.getClientRects()].map((rect) => ({ control, rect: seen(control, rect), layer: layer(control) })));
    const found = [];
    for (const [index, one] of boxes.entries())
        for (const other of boxes.slice(index + 1)) {
            if (one.layer !== other.layer || one.control.contains(other.control) || other.control.contains(one.control)) continue;
            const width = Math.min(one.rect.right, other.rect.right) - Math.max(one.rect.left, other.rect.left);
            const height = Math.min(one.rect.bottom, other.rect.bottom) - Math.max(one.rect.top, other.rect.top);
            if (width > 2 && height > 2) found.push(`${named(one.control)} and ${named(other.control)} overlap`);
        }
    return found;
}"""
)

# The keyboard has been used before, so that a script's focus is shown as Tab's.
FOCUS = (
    "() => {"
    + SEEN
    + """
    const marked = (element) => {
        const style = getComputedStyle(element);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 && style.outlineColor !== "rgba(0, 0, 0, 0)";
    };
    const found = [];
    const before = document.activeElement;
    for (const element of front().querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")) {
        if (!shown(element) || element.tabIndex < 0 || element.disabled) continue;
        element.focus();
        if (document.activeElement !== element) { found.push(`${named(element)} takes no focus`); continue; }
        if (!marked(element) && ![...(element.labels ?? [])].some((label) => [label, ...label.querySelectorAll("*")].some(marked))) found.push(`${named(element)} does not show the focus`);
        const box = element.getClientRects()[0];
        const points = [[0.5, 0.5], [0.1, 0.2], [0.9, 0.2], [0.1, 0.8], [0.9, 0.8]].map(([x, y]) => [box.left + box.width * x, Math.min(box.top + box.height * y, innerHeight - 2)]);
        const over = points.map(([x, y]) => document.elementFromPoint(x, y)).filter((top) => top !== null && !element.contains(top) && !top.contains(element) && top.closest(".hint") === null);
        if (over.length === points.length || points.every(([x, y]) => document.elementFromPoint(x, y) === null)) found.push(`${named(element)} has the focus below ${over[0] ? named(over[0]) : "the edge of the window"}`);
    }
    before?.focus();
    return found;
}"""
)


def cut(page: Page) -> list[str]:
    """Texts of which a part cannot be read: cut by a box, or beside it, over something else."""
    return page.evaluate(CUT)


def overlapped(page: Page) -> list[str]:
    """Controls that lie over each other."""
    return page.evaluate(OVERLAPPED)


def lost_focus(page: Page) -> list[str]:
    """Controls that have the focus and do not show it, or have it below something."""
    page.keyboard.press("Shift")
    return page.evaluate(FOCUS)


def sideways(page: Page) -> list[str]:
    """What is wider than the window, if the page scrolls sideways."""
    return page.evaluate(
        """() => {
            const root = document.documentElement;
            if (root.scrollWidth <= root.clientWidth) return [];
            const clipped = (element) => {
                for (let box = element.parentElement; box && box !== document.body; box = box.parentElement)
                    if (getComputedStyle(box).overflowX !== "visible") return true;
                return false;
            };
            const outside = (one) => one.getBoundingClientRect().right > root.clientWidth + 1 || one.getBoundingClientRect().left < -1;
            const wide = [...document.body.querySelectorAll("*")].filter((one) => outside(one) && !clipped(one));
            return [`${root.scrollWidth} of ${root.clientWidth} px: ` + wide.slice(0, 4).map((one) => `${one.tagName}.${one.className}`).join(", ")];
        }"""
    )


def wrong(page: Page) -> list[str]:
    """All that is wrong with the layout, once the page has taken the size of its window."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")
    return [*sideways(page), *cut(page), *overlapped(page)]


# A person's own distances between letters, words and lines.
SPACING = "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-block-end: 2em !important }"


def wear(page: Page, css: str) -> None:
    """Puts a person's style sheet over the page's, in place of the one before."""
    page.evaluate("(css) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(css); document.adoptedStyleSheets = css === '' ? [] : [sheet]; }", css)
