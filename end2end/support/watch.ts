// What a browser complains about while a page is used.
import { type BrowserContext, type Page, expect } from "@playwright/test";

/** Notes everything that no page may do: errors, warnings, failed requests, breaches of the security policy, requests to elsewhere. */
export class Watch {
  readonly complaints: string[] = [];
  readonly #wanted: RegExp[] = [];

  private constructor() {}

  /** Begins to watch every page of `context`; call it before one goes anywhere. `origin` is the only place requests may go to. */
  static async of(context: BrowserContext, origin: string): Promise<Watch> {
    const watch = new Watch();
    const note = (page: Page | null, what: string): void => {
      if (watch.#wanted.some((wanted) => wanted.test(what))) return;
      watch.complaints.push(page === null ? what : `${new URL(page.url()).pathname}: ${what}`);
    };
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) note(message.page(), `console: ${message.text()}`);
    });
    context.on("weberror", (error) => note(error.page(), `uncaught: ${error.error().message}`));
    context.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith("http") && url.origin !== origin) note(null, `request to ${url.origin}`);
    });
    context.on("requestfailed", (request) => {
      // What a page still asks when it is left is called off, its stream for one. Of what the policy blocks the page
      // itself tells below; without JavaScript that is every script.
      const why = request.failure()?.errorText ?? "";
      if (!["net::ERR_ABORTED", "csp"].includes(why)) note(null, `request for ${new URL(request.url()).pathname}: ${why}`);
    });
    await context.exposeFunction("noteBreach", (what: string) => note(null, `security policy: ${what}`));
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (breach) => {
        const place = breach.sourceFile ? ` at ${breach.sourceFile}:${breach.lineNumber}` : "";
        const { noteBreach } = window as unknown as { noteBreach: (what: string) => void };
        noteBreach(`${breach.effectiveDirective} blocked ${breach.blockedURI}${place}`);
      });
    });
    return watch;
  }

  /** From now on a complaint like this is what the test is about, and is not noted. */
  allow(wanted: RegExp): void {
    this.#wanted.push(wanted);
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

/** Goes to an address and waits until the page is alive. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await settled(page);
}

/** Holds the page to a phone's width, keeps a picture of it, and goes back to a desk. */
export async function lookOnPhone(page: Page, picture: string): Promise<void> {
  const desk = page.viewportSize() ?? { width: 1440, height: 900 };
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await stickingOut(page)).toEqual([]);
  await page.screenshot({ path: `screenshots/${picture}-390-light.png`, fullPage: true });
  await page.setViewportSize(desk);
}
