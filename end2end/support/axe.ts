// What axe-core says of a page, held to WCAG 2.2 AA.
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** What another theme can break. */
const OF_COLOURS = ["color-contrast", "link-in-text-block"];

/** What stands in somebody's way, a line for each element; of colours alone, if so asked. */
export async function barriers(page: Page, about: "all" | "colours"): Promise<string[]> {
  // There are no frames, so nothing need be put together in a page of its own; what is right is of no interest.
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ["violations"], preload: false });
  const found = await (about === "all" ? axe.withTags(WCAG) : axe.withRules(OF_COLOURS)).analyze();
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary?.replaceAll(/\s+/g, " ") ?? ""}`),
  );
}
