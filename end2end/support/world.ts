// A running Etiqa of its own for each file of tests: fresh data, a free port, an admin, a credential.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Browser, type BrowserContext, type Page, expect } from "@playwright/test";

import * as fleet from "./fleet.ts";
import { ETIQA, Program, finish, freePort } from "./program.ts";

export const ADMIN = { name: "admin", password: "a sentence is easy to keep" };

/** `GET /backup/status/`, as far as the tests read it. */
export interface Status {
  configs: { id: number; name: string; state: string; last_run: { id: number; status: string } | null }[];
}

/** A device of `etiqa device list --json`, as far as the tests read it. */
export interface ListedDevice {
  id: number;
  hostname: string;
  address: string;
  enabled: boolean;
  tags: string[];
  credential: string | null;
  last_result: { class: string; finished_at: string } | null;
}

/** The cookies of somebody who is signed in. */
export type SignedIn = Awaited<ReturnType<BrowserContext["storageState"]>>;

export class World {
  /** Without a slash at its end. */
  readonly url: string;
  /** For files of the test's own; gone when the world ends. */
  readonly folder: string;
  readonly #env: NodeJS.ProcessEnv;
  #server: Program | undefined;
  #token: string | undefined;

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}`;
    this.folder = mkdtempSync(join(tmpdir(), "etiqa-end2end-"));
    this.#env = {
      ETIQA_DATA_DIR: join(this.folder, "data"),
      ETIQA_LISTEN: `127.0.0.1:${port}`,
      // Everything that tests connect to is on this machine.
      ETIQA_REACH: "127.0.0.0/8,::1",
    };
  }

  /** One in which nobody can sign in yet. */
  static async startEmpty(): Promise<World> {
    const world = new World(await freePort());
    await world.#serve();
    return world;
  }

  static async start(): Promise<World> {
    const world = new World(await freePort());
    await world.etiqa(["user", "add", ADMIN.name, "--role", "admin", "--password-stdin"], `${ADMIN.password}\n`);
    await world.etiqa(
      ["credential", "add", fleet.CREDENTIAL, "--username", fleet.USERNAME, "--password-stdin", "--enable-stdin"],
      `${fleet.PASSWORD}\n${fleet.ENABLE_PASSWORD}\n`,
    );
    await world.#serve();
    return world;
  }

  async #serve(): Promise<void> {
    this.#server = new Program(ETIQA, ["serve"], this.#env);
    await this.#server.ready(() => fetch(`${this.url}/readyz`).then((answer) => answer.ok, () => false));
  }

  /** Runs the program's command line beside the server, on the same data. */
  etiqa(args: string[], input = ""): Promise<string> {
    return finish(ETIQA, args, { input, env: this.#env });
  }

  /** Runs commands of a shell in `folder`, as a person does on the machine of the server; addresses of documents are this server's. */
  shell(commands: string, folder: string): Promise<string> {
    const here = commands.replaceAll("127.0.0.1:8000", new URL(this.url).host);
    const PATH = `${join(this.folder, "bin")}:${process.env["PATH"] ?? ""}`;
    return finish("bash", ["-euo", "pipefail", "-c", `cd "$0"\n${here}`, folder], { env: { ...this.#env, PATH, HOME: folder } });
  }

  async status(): Promise<Status> {
    return JSON.parse(await this.etiqa(["backup-status", "--json"])) as Status;
  }

  /** What the server has said in its terminal so far. */
  get printed(): string {
    return this.#server?.output ?? "";
  }

  /** The one-time code that the server shows while nobody can sign in. */
  get setupCode(): string {
    const code = /with the code (\S+)/.exec(this.printed)?.[1];
    if (code === undefined) throw new Error(`no code was shown: ${this.printed}`);
    return code;
  }

  /** Ends the server and, once `meanwhile` is done, starts it again where it was. */
  async restart(meanwhile: () => Promise<unknown>): Promise<void> {
    await this.#server?.stop();
    await meanwhile();
    await this.#serve();
  }

  /** The inventory, by name. */
  async devices(): Promise<ListedDevice[]> {
    return JSON.parse(await this.etiqa(["device", "list", "--json"])) as ListedDevice[];
  }

  /** Calls a server function as another admin's script does, outside of the browser. */
  async call(name: string, fields: Record<string, string>): Promise<string> {
    this.#token ??= (await this.etiqa(["token", "create", "script", "--role", "admin"])).trim();
    const answer = await fetch(`${this.url}/rpc/${name}`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.#token}`, accept: "application/json" },
      body: new URLSearchParams(fields),
      redirect: "manual",
    });
    const text = await answer.text();
    if (answer.status >= 400) throw new Error(`${name} answered ${answer.status}: ${text}`);
    return text;
  }

  /** Changes settings, as another admin does, elsewhere. */
  async change(settings: Record<string, string | number>): Promise<void> {
    const known = JSON.parse(await this.call("get_settings", {})) as Record<string, unknown>;
    const fields = Object.entries({ ...known, ...settings }).map(([name, value]) => [`settings[${name}]`, String(value)]);
    await this.call("save_settings", Object.fromEntries(fields));
  }

  /** Adds a user as another admin does, elsewhere. */
  async addUser(name: string): Promise<void> {
    await this.call("add_user", { name, role: "viewer", password: ADMIN.password });
  }

  /** Signs in as the admin, or as somebody else, as a person does. */
  async signIn(page: Page, who = ADMIN): Promise<void> {
    await page.goto(`${this.url}/login`);
    await this.fillDoor(page, who.password, who.name);
    await expect(page.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
  }

  /** Signs in, and gives what a browser keeps of it, for contexts that begin so. */
  async signedIn(browser: Browser): Promise<SignedIn> {
    const page = await browser.newPage();
    await this.signIn(page);
    const state = await page.context().storageState();
    await page.context().close();
    return state;
  }

  /** Fills in the open sign-in form and sends it. */
  async fillDoor(page: Page, password: string, name = ADMIN.name): Promise<void> {
    await page.getByLabel("User name").fill(name);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
