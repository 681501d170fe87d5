// Simulated devices on loopback addresses of their own.
import { randomInt } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";

import { Program, SIMULATOR, freePort } from "./program.ts";

/** What the inventory calls the credential that logs in to the devices. */
export const CREDENTIAL = "Simulated devices";
export const USERNAME = "admin";
export const PASSWORD = "admin";
export const ENABLE_PASSWORD = "enable";

export interface FleetOptions {
  devices: number;
  /** As in `--types`; only types that a driver exists for. */
  types?: string;
  /** As in `--faults`. */
  faults?: string;
  /** What the devices ask for. */
  password?: string;
  enablePassword?: string;
  /** How long a device with the fault `slow` waits before each answer. */
  slowMs?: number;
  /** Fleets of different seeds have other names, texts and host keys. */
  seed?: number;
}

/** Devices that look the same, host keys and all, each time they are started. */
export class Fleet {
  /** A CSV that `etiqa import-devices` and the page take. */
  readonly inventory: string;
  readonly #args: string[];
  #program: Program | undefined;
  #seed: number;
  #faults: string;

  private constructor(folder: string, port: number, options: FleetOptions) {
    this.inventory = join(folder, "inventory.csv");
    // Addresses at random, so that two copies of the tests can run on one machine.
    const network = `127.${randomInt(16, 240)}.${randomInt(1, 250)}.1`;
    this.#args = [
      ...["--devices", String(options.devices), "--types", options.types ?? "switch,router"],
      ...["--listen", network, "--port", String(port), "--inventory", this.inventory],
      ...["--username", USERNAME, "--password", options.password ?? PASSWORD],
      ...["--enable-password", options.enablePassword ?? ENABLE_PASSWORD],
      ...["--credential", CREDENTIAL, "--slow-ms", String(options.slowMs ?? 500)],
    ];
    this.#seed = options.seed ?? 1;
    this.#faults = options.faults ?? "";
  }

  static async start(folder: string, options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(folder, await freePort(), options);
    await fleet.#start([]);
    return fleet;
  }

  /** From now on somebody edits the devices' configurations, one device every second; some are edited when this returns. */
  async startEditing(): Promise<void> {
    await this.stop();
    await this.#start(["--change-every", "1"]);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
  }

  /** From now on some devices fail: as in `--faults`. */
  async fail(faults: string): Promise<void> {
    await this.stop();
    this.#faults = faults;
    await this.#start([]);
  }

  /** From now on the configurations are so short that what comes next must look suspicious. */
  async shrink(): Promise<void> {
    await this.stop();
    await this.#start(["--config-size", "2000"]);
  }

  /** From now on other devices answer at the addresses, with host keys of their own. */
  async replace(): Promise<void> {
    await this.stop();
    this.#seed += 1;
    await this.#start([]);
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
  }

  async #start(more: string[]): Promise<void> {
    rmSync(this.inventory, { force: true });
    this.#program = new Program(SIMULATOR, [...this.#args, "--faults", this.#faults, "--seed", String(this.#seed), ...more]);
    // The inventory appears, whole, once every device listens.
    await this.#program.ready(() => existsSync(this.inventory));
  }
}
