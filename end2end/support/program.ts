// Programs that the tests start, and end.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The program under test. */
export const ETIQA = binary("ETIQA_BIN", "etiqa");
/** The devices that are not there. */
export const SIMULATOR = binary("ETIQA_SIMULATOR_BIN", "etiqa-simulator");

function binary(variable: string, name: string): string {
  return process.env[variable] ?? resolve(import.meta.dirname, "../../target/ci", name);
}

/** A TCP port of 127.0.0.1 on which nobody listens right now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once("error", fail).listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

/** Runs a program to its end and gives what it printed; one that fails throws with what it said. */
export async function finish(
  program: string,
  args: string[],
  options: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const running = run(program, args, { env: { ...process.env, ...options.env }, maxBuffer: 64 << 20 });
  // A program that ends without reading its input is no fault of ours.
  running.child.stdin?.on("error", () => undefined);
  running.child.stdin?.end(options.input ?? "");
  const { stdout } = await running.catch((error: Error & { stderr?: string }) => {
    throw new Error(`${program} ${args.join(" ")}: ${error.message}\n${error.stderr ?? ""}`);
  });
  return stdout;
}

/** A program that runs until it is stopped. */
export class Program {
  /** All that it wrote so far, both streams in one. */
  output = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(program: string, args: string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stdout?.on("data", (data) => (this.output += data));
    this.#child.stderr?.on("data", (data) => (this.output += data));
    this.#child.on("error", (error) => (this.output += `${error.message}\n`));
    this.#ended = new Promise((done) => {
      this.#child.once("error", () => done()).once("exit", () => done());
    });
  }

  /** Waits until `isReady`, as long as the program lives and at most 30 seconds. */
  async ready(isReady: () => Promise<boolean> | boolean): Promise<void> {
    const deadline = Date.now() + 30_000;
    let hasEnded = false;
    void this.#ended.then(() => (hasEnded = true));
    while (!(await isReady())) {
      if (hasEnded || Date.now() > deadline) {
        throw new Error(`it ${hasEnded ? "ended" : "did not get ready"} and said:\n${this.output}`);
      }
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  /** Asks it to end, as a service manager does; after 20 seconds it is killed. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const force = setTimeout(() => this.#child.kill("SIGKILL"), 20_000);
    await this.#ended;
    clearTimeout(force);
  }
}
