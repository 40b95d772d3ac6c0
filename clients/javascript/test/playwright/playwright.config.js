import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: process.env.TEST_DIR,
  workers: 1,
  use: {
    launchOptions: {
      executablePath: process.env.CHROMIUM,
      args: ["--no-sandbox", `--ip-address-space-overrides=127.0.0.1:${process.env.PUBLIC_PORT}=public`],
    },
  },
});
