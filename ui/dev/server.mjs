/**
 * A service of recorded answers that speaks the dashboard's JSON: for `npm run dev` and for the tests in a browser.
 *
 * `POST /dev/scene {"name", …}` says how things are; `dev/scenes.mjs` knows the names. It is no part of what is built.
 */

import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { gzipSync } from "node:zlib";
import { Chat } from "./chat.mjs";
import * as scenes from "./scenes.mjs";

const DIST = new URL("../dist", import.meta.url).pathname;
const KINDS = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};
/** The policy under which the gateway serves the page. */
const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Returns a server that listens at a port of its own; `server.address().port` says which. */
export function serve(port = 0) {
  const world = scenes.begin();
  const chat = new Chat(world);
  const server = createServer((request, response) => {
    answer(request, response, world, chat).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

async function answer(request, response, world, chat) {
  const url = new URL(request.url, "http://127.0.0.1");
  const path = url.pathname;
  const body = ["POST", "PATCH", "PUT"].includes(request.method) ? await read(request) : null;
  if (path === "/dev/scene") {
    Object.assign(world, scenes.scene(body.name, body));
    chat.reset();
    for (const live of world.listeners) live();
    return json(response, {});
  }
  if (path === "/dev/seen") return json(response, world.seen);
  if (!path.startsWith("/api/") && !path.startsWith("/v1/")) return file(path, response);
  world.seen.push(`${request.method} ${path}${url.search}`);
  if (world.delayMs) await new Promise((resolve) => setTimeout(resolve, world.delayMs));
  if (world.away) return request.socket.destroy();
  const broken = world.broken.find((one) => path.startsWith(one));
  if (broken)
    return failure(
      response,
      503,
      "records_unavailable",
      "The records cannot be read. Try again; `council status` says what is away.",
    );
  if (
    world.me.signed_in &&
    !["GET", "HEAD"].includes(request.method) &&
    path !== "/api/login" &&
    request.headers["x-council-csrf"] !== world.me.csrf
  ) {
    return failure(response, 403, "forbidden", "The CSRF header is missing. Load the page anew.");
  }
  const found = (await chat.handle(request, response, url, body)) ?? scenes.handle(request, response, url, body, world);
  if (found === true) return;
  if (found === null || found === undefined)
    return failure(response, 404, "not_found", "There is nothing at this path. /openapi.json lists all paths.");
  if (found.failure) return failure(response, found.status, found.failure, found.message);
  json(response, found, found.accepted ? 202 : 200);
}

function read(request) {
  return new Promise((resolve) => {
    if (request.headers["content-type"] === "application/octet-stream") {
      let sum = 0;
      request.on("data", (chunk) => (sum += chunk.length));
      request.on("end", () => resolve({ bytes: sum }));
      return;
    }
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => resolve(text ? JSON.parse(text) : {}));
  });
}

function json(response, body, status = 200) {
  response.writeHead(status, {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-request-id": "01M8NVM14AE3K9GSTBJ3S2HNXG",
  });
  response.end(JSON.stringify(body));
}

function failure(response, status, code, message) {
  json(
    response,
    { error: { message, type: "server_error", param: null, code, request_id: "01M8NVM14AE3K9GSTBJ3S2HNXG" } },
    status,
  );
}

function file(path, response) {
  let name = join(DIST, normalize(path));
  if (!existsSync(name) || statSync(name).isDirectory()) name = join(DIST, "index.html");
  response.writeHead(200, {
    "content-type": KINDS[extname(name)] ?? "application/octet-stream",
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-encoding": "gzip",
  });
  response.end(pressed(name));
}

const files = new Map();

/** Returns a file compressed, as the gateway serves it; one that was built anew is read anew. */
function pressed(name) {
  const { mtimeMs } = statSync(name);
  const known = files.get(name);
  if (known?.mtimeMs === mtimeMs) return known.bytes;
  const bytes = gzipSync(readFileSync(name));
  files.set(name, { mtimeMs, bytes });
  return bytes;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const server = await serve(Number(process.env.PORT ?? 5174));
  console.log(`recorded answers at http://127.0.0.1:${server.address().port}`);
}
