"""axe-core in the page: what WCAG 2.2 AA forbids, in light and dark."""

from importlib.resources import files

from playwright.async_api import Page

_SOURCE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """async ([tags, rules]) => {
  const only = rules.length ? { type: "rule", values: rules } : { type: "tag", values: tags };
  const found = await axe.run(document, { runOnly: only, resultTypes: ["violations"] });
  return found.violations.flatMap((rule) => rule.nodes.map((node) =>
    `${rule.id}: ${node.target.join(" ")} ${node.html.slice(0, 160)} (${node.failureSummary.replace(/\\s+/g, " ")})`));
}"""


async def violations(page: Page) -> list[str]:
    """Everything that axe-core finds on the page as it is now; in dark, what colours can break."""
    await page.evaluate(f"() => {{ if (!window.axe) {{ {_SOURCE} }} }}")
    found: list[str] = []
    for scheme, rules in (("light", []), ("dark", ["color-contrast"])):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{scheme}: {line}" for line in await page.evaluate(_RUN, [_TAGS, rules])]
    await page.emulate_media(color_scheme="null", reduced_motion="null")
    return found
