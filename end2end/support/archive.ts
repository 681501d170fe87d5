// Archives, opened by programs that are not ours.
import { finish } from "./program.ts";

/** One configuration in an archive. */
export interface ArchivedConfig {
  name: string;
  text: string;
}

// Also holds each entry to the checksum in the zip (testzip) and lists names twice if they are there twice.
const READ = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    damaged = archive.testzip()
    if damaged is not None:
        sys.exit(f"{damaged} is damaged")
    names = archive.namelist()
    if len(names) != len(set(names)):
        sys.exit("an entry is there twice")
    configs = [{"name": name, "text": archive.read(name).decode()} for name in names if name.startswith("configs/")]
    print(json.dumps({"names": names, "configs": configs}))
`;

/** Opens an archive with Info-ZIP's `unzip -t` and with Python's `zipfile`, and gives what is in it. */
export async function openArchive(path: string): Promise<{ names: string[]; configs: ArchivedConfig[] }> {
  const tested = await finish("unzip", ["-t", path]);
  if (!tested.includes("No errors detected")) throw new Error(tested);
  return JSON.parse(await finish("python3", ["-c", READ, path])) as { names: string[]; configs: ArchivedConfig[] };
}
