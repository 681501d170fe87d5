// A site as it is after a while: devices that are fine, that fail, that look suspicious, and every page there is.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { CREDENTIAL, Fleet } from "./fleet.ts";
import { World } from "./world.ts";

/** A page to look at. */
export interface Place {
  /** For its pictures. */
  name: string;
  /** As in app/src/app.rs. */
  route: string;
  path: string;
  /** As the document is answered; 200 unless said otherwise. */
  status?: number;
}

/** Numbers of things that the pages are about. */
interface Known {
  device: number;
  /** One whose newest text is suspect. */
  suspect: number;
  config: number;
  run: number;
  version: number;
}

function place(name: string, route: string, path = route, status = 200): Place {
  return { name, route, path, status };
}

/** Every page for who is signed in, each with what makes it look different. */
export function placesInside(known: Known): Place[] {
  const [device, suspect] = [`/devices/${known.device}`, `/devices/${known.suspect}`];
  const [config, run] = [`/backup/config/${known.config}`, `/backup/run/${known.run}`];
  const compare = `/configs/compare?old_device=%23${known.device}&old_which=1&new_device=%23${known.device}&new_which=2`;
  return [
    place("overview", "/"),
    place("backups", "/backup", "/backup/"),
    place("backup-new", "/backup/new"),
    place("backup-config", "/backup/config/:id", config),
    place("backup-edit", "/backup/config/:id/edit", `${config}/edit`),
    place("backup-retention", "/backup/config/:id/retention", `${config}/retention`),
    place("backup-run", "/backup/run/:id", run),
    place("archive", "/backup/run/:id/archive", `${run}/archive`),
    place("configs", "/configs", "/configs/"),
    place("configs-compare", "/configs/compare", compare),
    place("configs-side-by-side", "/configs/compare", `${compare}&split=true`),
    place("rules", "/configs/rules"),
    place("rules-starter", "/configs/rules/starter"),
    place("rule-new", "/configs/rules/new"),
    place("rule", "/configs/rules/:id", "/configs/rules/1"),
    place("rule-edit", "/configs/rules/:id/edit", "/configs/rules/1/edit"),
    place("device-rules", "/devices/:id/rules", `${device}/rules`),
    place("configs-search", "/configs/search", "/configs/search?q=interface"),
    place("config-version", "/configs/version/:id", `/configs/version/${known.version}`),
    place("devices", "/devices", "/devices/"),
    place("devices-none", "/devices", "/devices/?q=nothing+is+called+so"),
    place("devices-import", "/devices/import"),
    place("device-new", "/devices/new"),
    place("device", "/devices/:id", device),
    ...["results", "artifacts", "files", "connection", "settings"].map((tab) =>
      place(`device-${tab}`, "/devices/:id", `${device}?tab=${tab}`),
    ),
    place("device-suspect", "/devices/:id", suspect),
    place("device-unknown", "/devices/:id", "/devices/4711", 404),
    place("account", "/account"),
    place("admin", "/admin", "/admin/"),
    place("admin-users", "/admin/users"),
    place("admin-user-edit", "/admin/users", "/admin/users?edit=1"),
    place("admin-tokens", "/admin/tokens"),
    place("admin-machines", "/admin/machines"),
    place("admin-audit", "/admin/audit"),
    place("admin-jobs", "/admin/jobs"),
    place("admin-credentials", "/admin/credentials"),
    place("admin-credential-edit", "/admin/credentials", "/admin/credentials?edit=1"),
    place("admin-jump-hosts", "/admin/jump-hosts"),
    place("admin-jump-host-edit", "/admin/jump-hosts", "/admin/jump-hosts?edit=2"),
    place("admin-destinations", "/admin/destinations"),
    place("admin-inventory-sources", "/admin/inventory-sources"),
    place("admin-inventory-source", "/admin/inventory-sources", "/admin/inventory-sources?source=1"),
    place("admin-inventory-source-preview", "/admin/inventory-sources", "/admin/inventory-sources?preview=1"),
    place("admin-inventory-source-edit", "/admin/inventory-sources", "/admin/inventory-sources?edit=1"),
    place("admin-notifications", "/admin/notifications"),
    place("admin-notifications-edit", "/admin/notifications", "/admin/notifications?edit=1&rule=1"),
    place("admin-drivers", "/admin/drivers"),
    place("admin-driver", "/admin/drivers/:name", "/admin/drivers/gaia"),
    place("admin-config-versions", "/admin/config-versions"),
    place("admin-recovery-kit", "/admin/recovery-kit"),
    place("admin-components", "/admin/components"),
    place("admin-settings", "/admin/settings"),
    place("not-found", "", "/nowhere", 404),
  ];
}

/** Every page for who is not. */
export const PLACES_OUTSIDE = [place("login", "/login"), place("login-code", "/login", "/login?step=code"), place("setup", "/setup")];

/** The addresses that the program has pages for. */
export function routes(): string[] {
  const source = readFileSync(join(import.meta.dirname, "../../app/src/app.rs"), "utf8");
  // A bundle has other bundles' addresses as well, without a page.
  const found = source.matchAll(/path!\("([^"]*)"\)\s+view=pages::(?!not_found)/g);
  return [...new Set([...found].map(([, route]) => route ?? ""))];
}

/** The site; `stop` ends it. */
export class Site {
  readonly world: World;
  readonly places: Place[];
  readonly #fleets: Fleet[];

  private constructor(world: World, fleets: Fleet[], known: Known) {
    this.world = world;
    this.#fleets = fleets;
    this.places = placesInside(known);
  }

  static async start(): Promise<Site> {
    const world = await World.start();
    const lab = join(world.folder, "lab");
    mkdirSync(lab);
    // One device refuses the password and one the commands, so that the pages have something to say.
    const fleets = [
      await Fleet.start(world.folder, { devices: 8, faults: "wrong-password=1,error=1" }),
      await Fleet.start(lab, { devices: 1, types: "router", seed: 77 }),
    ] as const;
    for (const fleet of fleets) await world.etiqa(["import-devices", fleet.inventory]);
    const suspect = readFileSync(fleets[1].inventory, "utf8").split("\n")[1]?.split(",")[0];

    await world.etiqa(["user", "add", "vera", "--role", "viewer", "--password-stdin"], "a sentence is easy to keep\n");
    await world.etiqa(["token", "create", "monitoring", "--role", "viewer"]);
    // No device goes through them: nothing may leave this machine.
    const jump = ["--credential", CREDENTIAL];
    await world.etiqa(["jump-host", "add", "headquarters", "--address", "192.0.2.1", "--port", "2222", ...jump]);
    await world.etiqa(["jump-host", "add", "warehouse", "--address", "192.0.2.2", "--via", "headquarters", "--site", "warehouse", ...jump]);
    // The list that the devices came from: a sync changes nothing.
    const list = ["--kind", "file", "--place", fleets[0].inventory, "--gone", "leave"];
    await world.etiqa(["inventory-source", "add", "Lab list", ...list]);
    await world.etiqa(["inventory-source", "sync", "Lab list"]);
    await world.etiqa(["backup-config", "add", "Nightly configs", "--type", "config", "--frequency", "daily"]);
    await world.etiqa(["backup-config", "add", "Monthly full", "--type", "full", "--frequency", "monthly", "--day", "last"]);

    await world.etiqa(["rule", "add", "Syslog host", "--contain", "logging host 192.0.2.9", "--advice", "Add the log server."]);
    await world.etiqa(["rule", "add", "No telnet", "--not-match", "transport input.*telnet", "--block", "^line vty", "--severity", "critical"]);

    // Nobody hears of anything: the heartbeat of a backup that is never run, and a server that is not there.
    await world.etiqa(["notify", "channel", "add", "noc", "--kind", "syslog", "--host", "127.0.0.1", "--port", "9"]);
    await world.etiqa(["notify", "rule", "add", "On call", "--event", "run_failed,device_failing", "--channel", "noc"]);

    // Two devices fail, and then one is suspect, which the exit status says.
    const run = (): Promise<unknown> =>
      world.etiqa(["run-backups", "--config", "Nightly configs", "--force"]).catch(() => undefined);
    await run();
    await Promise.all([fleets[0].startEditing(), fleets[1].shrink()]);
    await run();
    return new Site(world, [...fleets], await known(world, suspect ?? ""));
  }

  async stop(): Promise<void> {
    await Promise.all([this.world.stop(), ...this.#fleets.map((fleet) => fleet.stop())]);
  }
}

/** Finds them; `suspect` is that device's address. */
async function known(world: World, suspect: string): Promise<Known> {
  const devices = JSON.parse(await world.etiqa(["device", "list", "--json"])) as { id: number; address: string }[];
  const config = (await world.status()).configs.find(({ last_run }) => last_run !== null);
  const withTwo = [];
  for (const { id, address } of devices.filter((device) => device.address !== suspect)) {
    const second = ["device", "show", address, "--part", "running", "--version", "2"];
    if (await world.etiqa(second).catch(() => "")) withTwo.push(id);
  }
  const found = {
    device: withTwo[0],
    suspect: devices.find(({ address }) => address === suspect)?.id,
    config: config?.id,
    run: config?.last_run?.id,
    version: 1,
  };
  if (Object.values(found).includes(undefined)) throw new Error(`something is missing: ${JSON.stringify(found)}`);
  return found as Known;
}
