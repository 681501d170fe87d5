// The database past the program: a PostgreSQL for a figure, and SQL on either of the two.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Runs statements and gives the rows of the last one, with `|` between columns. */
const ON_SQLITE = `
import sqlite3, sys
db = sqlite3.connect(f"{sys.argv[1]}/etiqa.db", timeout=60)
rows = []
for statement in sys.stdin.read().split(";\\n"):
    if statement.strip():
        rows = db.execute(statement).fetchall()
db.commit()
print("\\n".join("|".join(str(value) for value in row) for row in rows))
`;

/** Runs statements, each of which ends a line with a semicolon; gives the rows of the last one as arrays of texts. */
export function sql({ data, url }, statements) {
  const [program, args] = url
    ? ["psql", ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", url]]
    : ["python3", ["-c", ON_SQLITE, data]];
  const output = execFileSync(program, args, { input: statements, encoding: "utf8" });
  return output.split("\n").filter(Boolean).map((row) => row.split("|"));
}

/** The one number that a query gives. */
export function number(place, query) {
  return Number(sql(place, `${query};\n`)[0][0]);
}

/** Starts a PostgreSQL as the tests do, which leaves syncing to the system; `use` gets a way to make databases of it. Says so
 * where there is none, and leaves `what` out. */
export async function withPostgres(what, use) {
  if (spawnSync("psql", ["--version"]).error) {
    console.log(`\npsql is missing (scripts/install-test-tools.sh brings PostgreSQL): ${what} was left out`);
    return;
  }
  // Ends, and the server with it, when its input does.
  const wait = "console.log(process.env.ETIQA_TEST_POSTGRES); process.stdin.resume();";
  const child = spawn("scripts/with-postgres.sh", ["node", "-e", wait], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const [server] = await Promise.race([once(createInterface(child.stdout), "line"), ended.then(() => [])]);
  if (!server) {
    console.log(`\nThere is no PostgreSQL here: ${what} was left out`);
    return;
  }
  try {
    await use((name) => {
      sql({ url: server }, `CREATE DATABASE ${name};\n`);
      return server.replace(/[^/]*$/, name);
    });
  } finally {
    child.stdin.end();
    await ended;
  }
}
