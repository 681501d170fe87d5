// Takes the pictures of the documents: `make pictures`.
import { defineConfig } from "@playwright/test";

import config from "./playwright.config.ts";

export default defineConfig(config, { testDir: "pictures", outputDir: "test-results/pictures", workers: 1, timeout: 300_000 });
