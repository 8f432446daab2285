import { createHash, randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { Gitlab } from "@gitbeaker/rest";

const [host, token] = process.argv.slice(2);
if (!token) {
  console.error("usage: node round-trip.mjs BASE_URL TOKEN");
  process.exit(2);
}

const api = new Gitlab({ host, token });
const unique = `gitbeaker-${randomBytes(4).toString("hex")}`;

function same(what, got, want) {
  if (!isDeepStrictEqual(got, want)) {
    throw new Error(`${what}: got ${JSON.stringify(got)}, expected ${JSON.stringify(want)}`);
  }
}

async function refused(what, status, promise) {
  const error = await promise.then(() => undefined, (error) => error);
  same(what, error?.cause?.response?.status, status);
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const names = (packages) => packages.map(({ name, version }) => `${name} ${version}`).sort();

async function instance() {
  const user = await api.Users.showCurrentUser();
  same("id of the user", Number.isInteger(user.id), true);
  same("state of the user", user.state, "active");

  const { version } = await api.Metadata.show();
  same("version in the metadata", /^\d+\.\d+\.\d+/.test(version), true);
  // This release of gitbeaker has no call for the route.
  same("version", (await api.Metadata.requester.get("version")).body.version, version);
}

async function groupAndProject(group, project) {
  same("group by path", (await api.Groups.show(unique)).id, group.id);
  same("groups found", (await api.Groups.all({ search: unique })).map(({ id }) => id), [group.id]);

  const path = `${unique}/tool`;
  same("path of the project", project.path_with_namespace, path);
  same("project by path", (await api.Projects.show(path)).id, project.id);
  const { project_access: own, group_access: above } = project.permissions;
  same("access to the project", Math.max(own?.access_level ?? 0, above?.access_level ?? 0) >= 40, true);
}

async function publishAndDownload(group, project) {
  const registry = api.PackageRegistry;
  const content = randomBytes(200_000);
  const put = (id, name, version, filename, options) =>
    registry.publish(id, name, version, { content: new Blob([content]), filename }, options);
  const digest = async (...file) => sha256(Buffer.from(await (await registry.download(project.id, ...file)).arrayBuffer()));

  same("plain publish", await put(project.id, "tool", "1.0.0", "tool.bin"), { message: "201 Created" });
  same("download", await digest("tool", "1.0.0", "tool.bin"), sha256(content));

  const record = await put(`${unique}/tool`, "tool", "1.0.0", "tool+1@2.bin", { select: "package_file" });
  same("name in the record", record.file_name, "tool+1@2.bin");
  same("size in the record", record.size, content.length);
  same("digest in the record", record.file_sha256, sha256(content));
  same("URL in the record", typeof record.file.url, "string");
  same("download of an escaped name", await digest("tool", "1.0.0", "tool+1@2.bin"), sha256(content));

  await put(project.id, "secret", "1.0.0", "secret.bin", { status: "hidden" });
  await put(project.id, "library", "0.1.0", "library.bin", { status: "default" });
  await put(project.id, "library", "0.2.0", "library.bin");
  const all = (options) => api.Packages.all({ projectId: project.id, ...options });
  const shown = ["library 0.1.0", "library 0.2.0", "tool 1.0.0"];
  same("packages", names(await all()), shown);
  same("packages by pages", names(await all({ perPage: 1 })), shown);
  same("packages by keyset", names(await all({ pagination: "keyset", orderBy: "created_at", perPage: 1 })), shown);
  same("second page", names(await all({ perPage: 2, page: 2, orderBy: "name", sort: "asc" })), ["tool 1.0.0"]);
  same("total", (await all({ perPage: 2, showExpanded: true })).paginationInfo.total, 3);
  same("packages by name", names(await all({ packageName: "LIB", packageVersion: "0.2.0" })), ["library 0.2.0"]);
  same("hidden packages", names(await all({ status: "hidden" })), ["secret 1.0.0"]);
  same("packages of another type", await all({ packageType: "npm" }), []);
  same("packages of the group", names(await api.Packages.all({ groupId: group.id })), shown);
  same("download of what is hidden", await digest("secret", "1.0.0", "secret.bin"), sha256(content));
  await put(project.id, "secret", "1.0.0", "secret.bin", { status: "default" });
  same("packages once shown", names(await all()), [...shown.slice(0, 2), "secret 1.0.0", shown[2]]);

  await refused("an unknown status", 400, put(project.id, "tool", "1.0.0", "tool.bin", { status: "processing" }));
  await refused("a bad version", 400, put(project.id, "tool", "1..0", "tool.bin"));
  await refused("an unknown file", 404, registry.download(project.id, "tool", "1.0.0", "none.bin"));
  const nobody = new Gitlab({ host, token: `${token}-not` });
  await refused("an unknown token", 401, nobody.PackageRegistry.download(project.id, "tool", "1.0.0", "tool.bin"));
  return record;
}

async function showAndRemove(project, record) {
  const shown = await api.Packages.show(project.id, record.package_id);
  same("package", [shown.name, shown.version, shown.package_type, shown.status], ["tool", "1.0.0", "generic", "default"]);

  const files = async () => (await api.Packages.allFiles(project.id, record.package_id)).map(({ file_name }) => file_name);
  same("files", await files(), ["tool.bin", "tool+1@2.bin"]);
  await api.Packages.removeFile(project.id, record.package_id, record.id);
  same("files once one is removed", await files(), ["tool.bin"]);
  await refused("removing it again", 404, api.Packages.removeFile(project.id, record.package_id, record.id));

  await api.Packages.remove(project.id, record.package_id);
  await refused("the removed package", 404, api.Packages.show(project.id, record.package_id));
  await refused("its file", 404, api.PackageRegistry.download(project.id, "tool", "1.0.0", "tool.bin"));
}

const undo = [];

async function run() {
  await instance();
  const group = await api.Groups.create(unique, unique);
  const project = await api.Projects.create({ name: "tool", namespaceId: group.id });
  undo.unshift(() => api.Projects.remove(project.id));
  await groupAndProject(group, project);
  await showAndRemove(project, await publishAndDownload(group, project));
}

let failure;
await run().catch((error) => (failure = error));
for (const step of undo) {
  await step().catch((error) => (failure ??= error));
}
if (failure) {
  const { request, response } = failure.cause ?? {};
  const where = request ? `${request.method} ${request.url} answered ${response.status}: ` : "";
  console.error(`gitbeaker: ${where}${failure.message}`);
  process.exit(1);
}
console.log("gitbeaker: as expected");
