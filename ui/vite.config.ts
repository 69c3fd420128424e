import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds the service: the fixtures of `dev/`, or a Council of yours. */
const SERVICE = process.env.COUNCIL_URL ?? "http://127.0.0.1:5174";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // What is inlined becomes a data: address, which the page's policy refuses.
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": SERVICE, "/v1": SERVICE, "/login": SERVICE } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
