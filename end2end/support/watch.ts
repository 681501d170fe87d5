// What a browser complains about while a page is used.
import type { Page } from "@playwright/test";

/** Notes everything that no page may do: errors, warnings, failed requests, breaches of the security policy, requests to elsewhere. */
export class Watch {
  readonly complaints: string[] = [];

  private constructor() {}

  /** Begins to watch; call it before the page goes anywhere. `origin` is the only place requests may go to. */
  static async of(page: Page, origin: string): Promise<Watch> {
    const watch = new Watch();
    const note = (what: string): unknown => watch.complaints.push(`${new URL(page.url()).pathname}: ${what}`);
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && note(`console: ${message.text()}`));
    page.on("pageerror", (error) => note(`uncaught: ${error.message}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith("http") && url.origin !== origin) note(`request to ${url.origin}`);
    });
    page.on("requestfailed", (request) => {
      // What a page still asks when it is left is called off, its stream for one.
      const why = request.failure()?.errorText ?? "";
      if (why !== "net::ERR_ABORTED") note(`request for ${new URL(request.url()).pathname}: ${why}`);
    });
    await page.exposeFunction("noteBreach", (what: string) => note(`security policy: ${what}`));
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (breach) => {
        const place = breach.sourceFile ? ` at ${breach.sourceFile}:${breach.lineNumber}` : "";
        const { noteBreach } = window as unknown as { noteBreach: (what: string) => void };
        noteBreach(`${breach.effectiveDirective} blocked ${breach.blockedURI}${place}`);
      });
    });
    return watch;
  }

  /** What was noted since the last call. */
  take(): string[] {
    return this.complaints.splice(0);
  }
}

/** The elements that stick out at the side, if the page scrolls sideways at all. */
export function stickingOut(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const rightEdge = (e: Element): number => {
      const box = e.getBoundingClientRect();
      return box.left + Math.max(box.width, e.scrollWidth);
    };
    const wide = [...document.body.querySelectorAll("*")].filter((element) => rightEdge(element) > width + 1);
    const inner = wide.filter((element) => !wide.some((other) => other !== element && element.contains(other)));
    const named = inner.map((e) => `<${e.tagName.toLowerCase()} class="${e.getAttribute("class") ?? ""}"> sticks out`);
    return named.length > 0 ? [...new Set(named)].slice(0, 10) : ["the page scrolls sideways"];
  });
}

/** Waits until the page is alive: loaded, hydrated, and its stream of events open. */
export async function settled(page: Page): Promise<void> {
  await page.locator(".pulse.up").waitFor({ state: "attached" });
  await page.getByText("Loading…").waitFor({ state: "hidden" });
}
