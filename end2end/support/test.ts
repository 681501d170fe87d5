// What a file of tests begins with: a program of its own, devices, somebody who is signed in, and an eye on what the
// browser says.
import { type Page, test as base, expect } from "@playwright/test";

import { Fleet, type FleetOptions } from "./fleet.ts";
import { Watch, visit } from "./watch.ts";
import { type SignedIn, World } from "./world.ts";

export { expect };
export type { BrowserContext, Locator, Page } from "@playwright/test";

export interface Beginning {
  /** Simulated devices, in the inventory unless `isImported` says otherwise. */
  fleet?: FleetOptions;
  isImported?: boolean;
  /** Whether there is an admin, and a credential; there is unless this says otherwise. */
  isSetUp?: boolean;
  /** Whether the pages begin with an admin who is signed in; they do unless this says otherwise. */
  isSignedIn?: boolean;
  /** What else has happened before anybody opens a page. */
  before?: (stage: Stage) => Promise<unknown>;
}

/** What is there while the tests of a file run. */
class Stage {
  #world: World | undefined;
  #fleet: Fleet | undefined;
  signedIn: SignedIn | undefined;

  get world(): World {
    return some(this.#world, "program");
  }

  get url(): string | undefined {
    return this.#world?.url;
  }

  get fleet(): Fleet {
    return some(this.#fleet, "devices");
  }

  async begin({ fleet, isSetUp = true, isImported = true, before }: Beginning): Promise<void> {
    this.#world = await (isSetUp ? World.start() : World.startEmpty());
    if (fleet !== undefined) {
      this.#fleet = await Fleet.start(this.world.folder, fleet);
      if (isImported) await this.world.etiqa(["import-devices", this.fleet.inventory]);
    }
    await before?.(this);
  }

  async end(): Promise<void> {
    await Promise.all([this.#world?.stop(), this.#fleet?.stop()]);
  }
}

function some<T>(thing: T | undefined, name: string): T {
  if (thing === undefined) throw new Error(`the tests of this file have no ${name}`);
  return thing;
}

interface Fixtures {
  world: World;
  fleet: Fleet;
  /** What the browser of `page` complains about. A test fails at its end with what is noted there. */
  watch: Watch;
  /** Goes to an address with `page` and waits until it is alive. */
  open: (path: string) => Promise<void>;
  /** Opens another browser, whose person is signed in as well, and which is watched as well; complaints like `allowed` are what
   * the test is about. */
  another: (allowed?: RegExp) => Promise<Page>;
  /** The same person in a browser that runs no JavaScript. */
  plain: Page;
}

/** The `test` of a file. What is begun is that file's own: workers, and what is theirs, are shared by files. */
export function testsWith(beginning: Beginning = {}) {
  const stage = new Stage();
  base.beforeAll(async ({ browser }) => {
    await stage.begin(beginning);
    if (beginning.isSetUp !== false && beginning.isSignedIn !== false) stage.signedIn = await stage.world.signedIn(browser);
  });
  base.afterAll(() => stage.end());
  return base.extend<Fixtures>({
    world: async ({}, use) => use(stage.world),
    fleet: async ({}, use) => use(stage.fleet),
    // What begins the file asks for these too, before there is anything.
    baseURL: async ({}, use) => use(stage.url),
    storageState: async ({}, use) => use(stage.signedIn),
    watch: async ({ context }, use) => {
      const watch = await Watch.of(context, stage.world.url);
      await use(watch);
      expect(watch.take(), "what the browser complained about").toEqual([]);
    },
    // Every page is watched, whether or not its test asks what was noted.
    page: async ({ page, watch: _ }, use) => use(page),
    open: async ({ page }, use) => use((path) => visit(page, path)),
    another: async ({ browser }, use) => {
      const opened: { page: Page; watch: Watch }[] = [];
      await use(async (allowed) => {
        const context = await browser.newContext();
        const watch = await Watch.of(context, stage.world.url);
        if (allowed !== undefined) watch.allow(allowed);
        const page = await context.newPage();
        opened.push({ page, watch });
        return page;
      });
      for (const { page, watch } of opened) {
        await page.context().close();
        expect(watch.take(), "what another browser complained about").toEqual([]);
      }
    },
    plain: async ({ browser }, use) => {
      const context = await browser.newContext({ javaScriptEnabled: false });
      await use(await context.newPage());
      await context.close();
    },
  });
}
