import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { publish, verifyConditions } from "@semantic-release/gitlab";

const [host, token] = process.argv.slice(2);
if (!token) {
  console.error("usage: node round-trip.mjs BASE_URL TOKEN");
  process.exit(2);
}

const unique = `semantic-release-${randomBytes(4).toString("hex")}`;
const path = `${unique}/tool`;
const version = "1.2.0";
const gitTag = `v${version}`;
const notes = "## 1.2.0\n\n* it speaks";
const undo = [];

function same(what, got, want) {
  if (!isDeepStrictEqual(got, want)) {
    throw new Error(`${what}: got ${JSON.stringify(got)}, expected ${JSON.stringify(want)}`);
  }
}

async function ask(method, route, body) {
  const response = await fetch(`${host}/api/v4/${route}`, {
    method,
    headers: { "PRIVATE-TOKEN": token, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) {
    throw new Error(`${method} ${response.url} answered ${response.status}: ${await response.text()}`);
  }
  return response;
}

const get = async (route) => (await ask("GET", route)).json();
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const byName = (a, b) => (a.name < b.name ? -1 : 1);

function contextOf(cwd) {
  return {
    cwd,
    env: { GL_URL: host, GL_TOKEN: token },
    logger: { log() {}, error() {} },
    nextRelease: { version, gitTag, gitHead: "0".repeat(40), notes },
    options: { repositoryUrl: `${host}/${path}.git` },
  };
}

async function run() {
  const cwd = await mkdtemp(join(tmpdir(), "semantic-release-"));
  undo.unshift(() => rm(cwd, { recursive: true }));
  const group = await (await ask("POST", "groups", { name: unique, path: unique })).json();
  const project = await (await ask("POST", "projects", { name: "tool", namespace_id: group.id })).json();
  undo.unshift(() => ask("DELETE", `projects/${project.id}`));

  const files = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`part-${n}.bin`, randomBytes(50_000 + n)]));
  await mkdir(join(cwd, "dist"));
  for (const [name, bytes] of Object.entries(files)) {
    await writeFile(join(cwd, "dist", name), bytes);
  }
  await writeFile(join(cwd, "tool+linux"), "tool");
  await writeFile(join(cwd, "symbols"), "symbols");

  const context = contextOf(cwd);
  const generic = { target: "generic_package" };
  const assets = [
    { ...generic, path: "dist/*.bin" },
    { ...generic, path: "tool+linux", label: "tool-${nextRelease.version}", packageName: "tool", filepath: "/bin/tool" },
    { ...generic, path: "symbols", packageName: "symbols", status: "hidden" },
    { url: "https://example.org/manual", label: "manual", type: "other" },
  ];
  await verifyConditions({ assets }, context);
  const release = await publish({ assets }, context);
  same("release for semantic-release", release, { name: "GitLab release", url: `${host}/${path}/-/releases/${gitTag}` });

  const packages = await get(`projects/${project.id}/packages?order_by=name`);
  same("packages", packages.map((one) => [one.name, one.version]), [["release", version], ["tool", version]]);
  const stored = await get(`projects/${project.id}/packages/${packages[0].id}/package_files?per_page=100`);
  same(
    "files of the package",
    Object.fromEntries(stored.map((file) => [file.file_name, file.file_sha256]).sort()),
    Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)])),
  );

  const { tag_name, description, assets: { links } } = await get(`projects/${project.id}/releases/${gitTag}`);
  same("tag of the release", tag_name, gitTag);
  same("description of the release", description, notes);
  const under = `${host}/api/v4/projects/${encodeURIComponent(path)}/packages/generic`;
  const link = (name, url, link_type = "package") => ({ name, url, link_type });
  same(
    "links of the release",
    links.map(({ name, url, link_type }) => ({ name, url, link_type })).sort(byName),
    [
      link("manual", "https://example.org/manual", "other"),
      ...Object.keys(files).map((name) => link(name, `${under}/release/${version}/${name}`)),
      link("symbols", `${under}/symbols/${version}/symbols`),
      link(`tool-${version}`, `${under}/tool/${version}/tool-${version}`),
    ].sort(byName),
  );
  for (const { name, url } of links.filter(({ link_type }) => link_type === "package")) {
    const bytes = await (await ask("GET", url.slice(`${host}/api/v4/`.length))).arrayBuffer();
    same(`bytes of ${name}`, sha256(Buffer.from(bytes)), sha256(files[name] ?? name.replace(`-${version}`, "")));
  }
}

let failure;
await run().catch((error) => (failure = error));
for (const step of undo) {
  await step().catch((error) => (failure ??= error));
}
if (failure) {
  const { request, response } = failure;
  const where = response ? `${request.options.method} ${response.url} answered ${response.statusCode}: ` : "";
  console.error(`semantic-release: ${where}${failure.message}`);
  process.exit(1);
}
console.log("semantic-release: as expected");
