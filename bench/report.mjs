// How a figure is printed: what, value, unit, budget, verdict. Nothing here judges: a verdict is for a person to read.

/** A figure, its budget (none: not settled yet) and whether it keeps it. */
export function report(what, value, unit, budget) {
  const verdict = budget === undefined ? "" : value <= budget ? "kept" : "OVER";
  const limit = budget === undefined ? "no budget yet" : `budget ${budget} ${unit}`;
  console.log(`${what.padEnd(52)} ${value.toFixed(1).padStart(9)} ${unit.padEnd(10)} ${limit.padEnd(20)} ${verdict}`);
}

/** A ratio that should be `least` at least, and whether it is. */
export function ratio(what, value, least) {
  const verdict = value >= least ? "kept" : "MISSED";
  console.log(`  ${what.padEnd(50)} ${value.toFixed(1).padStart(9)} ${"times".padEnd(10)} ${`at least ${least}`.padEnd(20)} ${verdict}`);
}

/** The next group of figures, and under what conditions they are taken. */
export function heading(text) {
  console.log(`\n${text}\n`);
}
